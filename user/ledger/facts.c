// SPDX-License-Identifier: GPL-2.0-or-later
/* See facts.h. */
#include "ledger/facts.h"

#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/timex.h>
#include <sys/utsname.h>

#include "config/names.h"
#include "gate/dataplane.h"
#include "gate/entries.h"
#include "ledger/digest.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "version.h"

#define FILE_MAX 4096 /* of a file that is taken into a record */

/* A small file's text, without its last LF; null: it cannot be read. */
static void add_file(struct record *record, const char *key, const char *path)
{
	char text[FILE_MAX];
	ssize_t bytes = file_read_start(path, text, sizeof(text));

	if (bytes > 0 && text[bytes - 1] == '\n')
		text[bytes - 1] = '\0';
	record_text(record, key, bytes > 0 ? text : NULL);
}

static void add_program_digest(struct record *record)
{
	char hex[DIGEST_BYTES];

	record_text(record, "program_sha256",
		    digest_file("/proc/self/exe", hex) ? NULL : hex);
}

static void add_digest(struct record *record, const char *key,
		       const void *bytes, size_t count)
{
	char hex[DIGEST_BYTES];

	digest_of(bytes, count, hex);
	record_text(record, key, hex);
}

static void add_kernel(struct record *record)
{
	struct utsname kernel;

	if (uname(&kernel))
		return;
	record_text(record, "kernel", kernel.release);
	record_text(record, "kernel_build", kernel.version);
	record_text(record, "machine", kernel.machine);
}

static void add_dmi(struct record *record)
{
	static const char *const names[] = {"board_serial", "product_name",
					    "product_serial", "product_uuid",
					    "sys_vendor"};
	struct record inner = {0};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char path[64];

		snprintf(path, sizeof(path), "/sys/class/dmi/id/%s", names[i]);
		add_file(&inner, names[i], path);
	}
	record_object(record, "dmi", &inner);
}

/* {"tap0":{"mac":"..","role":"vpn"}} by name */
static void add_links(struct record *record, const struct policy *policy,
		      const struct links *links)
{
	char keys[RECORD_FIELDS_MAX][3 * IF_NAMESIZE + 1];
	struct record inner = {0};

	for (size_t i = 0; i < links->count && i < RECORD_FIELDS_MAX; i++) {
		const struct link *link = &links->items[i];
		int role = entries_role(policy, link);
		struct record one = {0};
		char mac[18];

		snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x",
			 link->mac[0], link->mac[1], link->mac[2], link->mac[3],
			 link->mac[4], link->mac[5]);
		record_text(&one, "mac", link->has_ethernet ? mac : NULL);
		record_text(&one, "role",
			    role >= 0 ? name_of_role((unsigned int)role)
				      : NULL);
		record_key(link->name, keys[i], sizeof(keys[i]));
		record_object(&inner, keys[i], &one);
	}
	record_object(record, "links", &inner);
}

static void add_storage(struct record *record, const struct place *place)
{
	struct record inner = {0};

	record_text(&inner, "directory", place->dir);
	record_text(&inner, "fstype", place->fstype);
	record_text(&inner, "device", place->device);
	record_flag(&inner, "volatile", place->is_volatile);
	record_object(record, "storage", &inner);
}

void facts_add_clock(struct record *record)
{
	struct timex timex = {0};
	char date[RECORD_TIME_BYTES];
	bool is_known = adjtimex(&timex) >= 0;
	record_date_text(real_ns(), date);
	record_text(record, "real", date);
	record_time(record, "mono", clock_ns(CLOCK_MONOTONIC));
	record_time(record, "boot_clock", boot_ns());
	if (is_known) {
		record_number(record, "status", timex.status);
		record_number(record, "maxerror_us", timex.maxerror);
	} else {
		record_null(record, "status");
		record_null(record, "maxerror_us");
	}
	add_file(record, "rtc", "/sys/class/rtc/rtc0/since_epoch");
}

void facts_add(struct record *record, const struct policy *policy,
	       const struct place *place, const struct links *links)
{
	const char *config = policy->text ? policy->text : "";
	struct record clock = {0};
	const void *object;
	size_t bytes;

	record_text(record, "version", SCOUTGATE_VERSION);
	add_program_digest(record);
	dataplane_object(&object, &bytes);
	add_digest(record, "bpf_sha256", object, bytes);
	add_digest(record, "config_sha256", config, strlen(config));
	/* three bytes for one, where it is escaped */
	record_text(record, "config",
		    strlen(config) < RECORD_START_MAX / 4 ? config : NULL);
	add_kernel(record);
	add_file(record, "cmdline", "/proc/cmdline");
	add_file(record, "os_release", "/etc/os-release");
	add_file(record, "machine_id", "/etc/machine-id");
	add_dmi(record);
	add_links(record, policy, links);
	add_storage(record, place);
	facts_add_clock(&clock);
	record_object(record, "clock", &clock);
}
