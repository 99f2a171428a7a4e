/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A flow as fields of a record, by the names that Zeek's conn.log has. */
#ifndef SG_USER_FLOW_RECORD_H
#define SG_USER_FLOW_RECORD_H

#include "gate/pins.h"
#include "gate/rule_names.h"
#include "ledger/peers.h"
#include "ledger/record.h"
#include "sg_event.h"
#include "sys/boot_id.h"

#define FLOW_UID_BYTES 21 /* 20 digits with a NUL */

/* All that is known beside the flow itself. */
struct flow_context {
	const struct pins *pins;
	char boot_id[BOOT_ID_BYTES];
	struct rule_names rules;
	struct peers peers;
	/* of each grant, by the ledger: how often it was opened, and is it */
	uint64_t epochs[SG_GRANT_COUNT];
	bool is_open[SG_GRANT_COUNT];
	uint32_t policy_number;
	uint32_t link_ifindex; /* whose name link_name is; 0: none */
	char link_name[IF_NAMESIZE];
};

/* The first 20 digits of SHA-256(boot id, begin, key). */
void flow_uid(const struct flow_context *context, const struct sg_flow_key *key,
	      const struct sg_flow *flow, char ret_uid[FLOW_UID_BYTES]);

/* Return the name of a flow's rule, or NULL: it has none. */
const char *flow_rule(const struct flow_context *context,
		      const struct sg_flow *flow);

/* The name of a link, which stays known for a while. */
const char *flow_link(struct flow_context *context, uint32_t ifindex);

void flow_add(struct record *record, struct flow_context *context,
	      const struct sg_flow_key *key, const struct sg_flow *flow);
/* With these, of one that has ended. */
void flow_add_end(struct record *record, enum sg_end_reason reason);

#endif
