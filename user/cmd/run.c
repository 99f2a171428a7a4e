// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * scoutgate run: up, and then kept so. HUP reloads, TERM leaves the datapath in
 * place. What happens is said on standard error, which is the journal's.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#include "cmd/verb.h"
#include "config/config.h"
#include "config/names.h"
#include "gate/entries.h"
#include "gate/saved.h"
#include "gate/supervisor.h"
#include "gate/supervisor_note.h"
#include "ledger/recorder.h"
#include "sys/cleanup.h"
#include "sys/report.h"
#include "sys/watch.h"

#define LOOK_USEC 250000  /* at pins and hooks: repaired well within 1 s */
#define RETRY_USEC 20000  /* when another command holds the writer's lock */
#define FOLLOW_USEC 50000 /* between two looks at a network full of events */

/* The steps that can go wrong time and again, each for a reason of its own. */
enum problem {
	PROBLEM_FOLLOW,
	PROBLEM_LEARN,
	PROBLEM_HOLD,
	PROBLEM_REPAIR,
	PROBLEM_CUT,
	PROBLEM_SAVE,
	PROBLEM_LEDGER,
	PROBLEM_COUNT
};

struct run {
	const struct context *context;
	char problems[PROBLEM_COUNT][sizeof(((struct fault *)0)->text)]; /* as
			they were said; "": there is none */
	struct supervisor supervisor;
	struct mnl_socket *watch;
	struct mnl_socket *rules; /* NULL: the kernel tells of none */
	sd_event *event;
	struct recorder *recorder;
	sd_event_source *records; /* NULL: no ring is read */
	uint64_t attached;	  /* recorder_attached() of that */
	sd_event_source *timer;
	sd_event_source *later; /* when events are too many to follow each */
	uint64_t followed_usec; /* monotonic; when links were last read */
	bool is_behind; /* links have changed, and it could not follow yet */
	uint32_t *unassigned; /* interfaces without a role that were reported */
	size_t unassigned_count;
};

/* Say what is wrong when it begins or becomes another, and when it ends. */
static void say_problem(struct run *run, enum problem problem, int error,
			const struct fault *fault)
{
	char *said = run->problems[problem];

	if (!error && said[0])
		report(REPORT_PROBLEM_OVER, NULL, "it is over: %s", said);
	if (!error)
		said[0] = '\0';
	if (!error || strcmp(said, fault->text) == 0)
		return;
	memcpy(said, fault->text, sizeof(fault->text));
	report(REPORT_PROBLEM, NULL, "%s", said);
}

static bool is_among(const uint32_t *items, size_t count, uint32_t ifindex)
{
	for (size_t i = 0; i < count; i++)
		if (items[i] == ifindex)
			return true;
	return false;
}

static bool is_unassigned(const struct policy *policy, const struct link *link)
{
	return strcmp(link->name, "lo") != 0 && !link->is_port &&
	       !entries_is_exempt(policy, link) &&
	       entries_role(policy, link) < 0;
}

static void report_unassigned(const struct link *link)
{
	char field[64];

	snprintf(field, sizeof(field), "SG_INTERFACE=%s", link->name);
	report(REPORT_STRANGER, field,
	       "%s: no role names it, and it is not exempt; it is held closed",
	       link->name);
}

/* Interfaces that match no role are reported, once for as long as they are
 * there. */
static void report_all_unassigned(struct run *run)
{
	_cleanup_(links_release) struct links links = {0};
	_cleanup_(cleanup_free) uint32_t *now = NULL;
	struct fault fault;
	uint32_t *before;
	size_t count = 0;

	if (supervisor_links(&run->supervisor, &links, &fault))
		return;
	recorder_links(run->recorder, &links);
	now = calloc(links.count + 1, sizeof(*now));
	for (size_t i = 0; i < links.count && now; i++) {
		const struct link *link = &links.items[i];

		if (!is_unassigned(&run->supervisor.policy, link))
			continue;
		now[count++] = link->ifindex;
		if (!is_among(run->unassigned, run->unassigned_count,
			      link->ifindex))
			report_unassigned(link);
	}
	before = run->unassigned;
	run->unassigned = now;
	run->unassigned_count = count;
	now = before; /* to be freed */
}

static void look_again_in(struct run *run, uint64_t usec)
{
	sd_event_source_set_time_relative(run->timer, usec);
	sd_event_source_set_enabled(run->timer, SD_EVENT_ONESHOT);
}

static void follow(struct run *run)
{
	struct fault fault;
	int r = supervisor_follow_change(&run->supervisor, &fault);

	run->is_behind = r != 0;
	if (r != -EBUSY) /* busy: tried again at once */
		say_problem(run, PROBLEM_FOLLOW, r, &fault);
	if (r)
		look_again_in(run, RETRY_USEC);
	else
		report_all_unassigned(run);
}

/* nftables has changed: the next look at the gate looks at the guard, too. */
static int on_rules(sd_event_source *source, int fd, uint32_t events,
		    void *data)
{
	struct run *run = data;

	(void)source;
	(void)fd;
	(void)events;
	watch_drain(run->rules);
	run->supervisor.is_guard_doubtful = true;
	return 0;
}

/* A grant that is not saved is in force nevertheless. */
static void begin_saving(const struct run *run)
{
	struct fault fault;

	if (saved_begin(run->context->state_dir, &run->supervisor.policy,
			&run->supervisor.pins, &fault))
		report(REPORT_PROBLEM, NULL, "%s", fault.text);
}

static void save_grants(struct run *run)
{
	struct fault fault;
	int r = saved_follow(run->context->state_dir, &run->supervisor.policy,
			     &run->supervisor.pins, &fault);

	say_problem(run, PROBLEM_SAVE, r, &fault);
}

/* Another policy is in force: of the file here, or another's doing. */
static void announce_policy(struct run *run, const char *whose)
{
	run->unassigned_count = 0;
	recorder_policy(run->recorder, run->supervisor.policy_number);
	report(REPORT_POLICY, NULL, "%s is in force", whose);
	follow(run); /* what a command alone does not watch */
}

/* The file as it is now, whole or not at all. */
static void take_config(struct run *run)
{
	_cleanup_(policy_release) struct policy policy = {0};
	struct fault fault;

	if (config_load(run->context->config, &policy, &fault) ||
	    supervisor_reload(&run->supervisor, &policy, &fault)) {
		report(REPORT_PROBLEM, NULL, "%s; the old policy stays",
		       fault.text);
		return;
	}
	begin_saving(run);
	announce_policy(run, run->context->config);
}

/* Learn what another command has put in force. */
static void learn(struct run *run)
{
	struct fault fault;
	bool is_new;
	int r = supervisor_learn(&run->supervisor, &is_new, &fault);

	if (r != -EAGAIN) /* again: with the next look */
		say_problem(run, PROBLEM_LEARN, r, &fault);
	if (is_new)
		announce_policy(run, "the policy of another command");
}

static int on_later(sd_event_source *source, uint64_t usec, void *data)
{
	struct run *run = data;

	(void)source;
	run->followed_usec = usec;
	follow(run);
	return 0;
}

/* Follow at once, or, after a look that was just now, a little later: a flood
 * of events is followed so often, whatever their number. */
static void follow_soon(struct run *run)
{
	uint64_t now_usec = 0;
	int is_waiting = SD_EVENT_OFF;

	sd_event_now(run->event, CLOCK_MONOTONIC, &now_usec);
	sd_event_source_get_enabled(run->later, &is_waiting);
	if (is_waiting != SD_EVENT_OFF)
		return;
	if (now_usec - run->followed_usec >= FOLLOW_USEC) {
		on_later(NULL, now_usec, run);
		return;
	}
	sd_event_source_set_time_relative(run->later, FOLLOW_USEC);
	sd_event_source_set_enabled(run->later, SD_EVENT_ONESHOT);
}

static int on_change(sd_event_source *source, int fd, uint32_t events,
		     void *data)
{
	struct run *run = data;

	(void)source;
	(void)fd;
	(void)events;
	watch_drain(run->watch);
	follow_soon(run);
	return 0;
}

/* Cut what ended grants admitted, and say what was opened, or has ended. */
static void watch_grants(struct run *run)
{
	struct cut_change change = {0};
	struct fault fault;
	int r = supervisor_cut(&run->supervisor, &change, &fault);

	say_problem(run, PROBLEM_CUT, r, &fault);
	if (!r)
		recorder_grants(run->recorder, &change);
	for (unsigned int id = 0; id < SG_GRANT_COUNT; id++) {
		char field[64];

		snprintf(field, sizeof(field), "SG_GRANT=%s",
			 name_of_grant(id));
		if (change.opened & SG_GRANT_BIT(id))
			report(REPORT_GRANT_OPEN, field, "%s is open",
			       name_of_grant(id));
		if (change.ended & SG_GRANT_BIT(id))
			report(REPORT_GRANT_ENDED, field,
			       "%s has ended; what it admitted is cut",
			       name_of_grant(id));
	}
}

static int on_records(sd_event_source *source, int fd, uint32_t events,
		      void *data)
{
	struct run *run = data;

	(void)source;
	(void)fd;
	(void)events;
	recorder_drain(run->recorder);
	return 0;
}

/* Be woken when a ring fills, whichever is read now. */
static void watch_rings(struct run *run)
{
	uint64_t attached = recorder_attached(run->recorder);
	int fd = recorder_fd(run->recorder);

	if (run->attached == attached)
		return;
	run->attached = attached;
	run->records = sd_event_source_unref(run->records);
	if (fd >= 0)
		sd_event_add_io(run->event, &run->records, fd, EPOLLIN,
				on_records, run);
}

static void keep_record(struct run *run)
{
	struct fault fault;
	const char *problem;

	recorder_tick(run->recorder);
	watch_rings(run);
	problem = recorder_problem(run->recorder);
	if (problem)
		fault_set(&fault, EIO, "%s", problem);
	say_problem(run, PROBLEM_LEDGER, problem ? -EIO : 0, &fault);
}

/* For `status`: the first thing that cannot be put right. */
static void note_look(const struct run *run)
{
	const char *problem = "";

	for (int i = PROBLEM_COUNT - 1; i >= 0; i--)
		if (run->problems[i][0])
			problem = run->problems[i];
	supervisor_note_look(&run->supervisor.pins, problem);
}

/* Put right what is not, unless another supervisor does. A lock that cannot be
 * held again is said, and stops nothing. */
static int repair(struct run *run)
{
	const char *what = NULL;
	struct fault fault;
	int r = supervisor_hold(&run->supervisor, &fault);

	say_problem(run, PROBLEM_HOLD, r, &fault);
	if (r == -EBUSY)
		return r;
	r = supervisor_repair(&run->supervisor, &what, &fault);
	say_problem(run, PROBLEM_REPAIR, r, &fault);
	if (what && !r)
		report(REPORT_REPAIRED, NULL, "%s", what);
	return r;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *data)
{
	struct run *run = data;
	int r;

	(void)source;
	(void)usec;
	look_again_in(run, LOOK_USEC);
	learn(run);
	if (run->is_behind)
		follow(run);
	r = repair(run);
	if (r == -EPROTO) { /* another's, with its maps to read */
		sd_event_exit(run->event, EXIT_FAILED);
		return 0;
	}
	watch_grants(run);
	if (r != -EBUSY)
		keep_record(run);
	else /* another supervisor writes the record */
		recorder_rest(run->recorder);
	save_grants(run); /* they may be switched by hand */
	note_look(run);
	return 0;
}

static int on_hangup(sd_event_source *source,
		     const struct signalfd_siginfo *info, void *data)
{
	(void)source;
	(void)info;
	sd_notify(0, "RELOADING=1");
	take_config(data);
	sd_notify(0, "READY=1");
	return 0;
}

/* For the event loop, from the start: one that comes while the gate is brought
 * up is served when it is. */
static void block_signals(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, NULL);
}

static int prepare(struct run *run)
{
	int r = sd_event_new(&run->event);

	if (r >= 0)
		r = sd_event_add_signal(run->event, NULL, SIGTERM, NULL, NULL);
	if (r >= 0)
		r = sd_event_add_signal(run->event, NULL, SIGINT, NULL, NULL);
	if (r >= 0)
		r = sd_event_add_signal(run->event, NULL, SIGHUP, on_hangup,
					run);
	if (r >= 0)
		r = sd_event_add_io(run->event, NULL, watch_fd(run->watch),
				    EPOLLIN, on_change, run);
	if (r >= 0 && run->rules)
		r = sd_event_add_io(run->event, NULL, watch_fd(run->rules),
				    EPOLLIN, on_rules, run);
	if (r >= 0)
		r = sd_event_add_time_relative(run->event, &run->timer,
					       CLOCK_MONOTONIC, LOOK_USEC, 0,
					       on_timer, run);
	if (r >= 0)
		r = sd_event_add_time_relative(run->event, &run->later,
					       CLOCK_MONOTONIC, 0, 0, on_later,
					       run);
	return r < 0 ? r : 0;
}

static int run_to_the_end(struct run *run)
{
	_cleanup_(policy_release) struct policy policy = {0};
	const struct context *context = run->context;
	struct fault fault;
	int r;

	signal(SIGPIPE, SIG_IGN); /* whoever reads what it says may end */
	block_signals();
	if (config_load(context->config, &policy, &fault))
		return verb_fail(&fault);
	if (saved_take(context->state_dir, context->pin_dir, &policy, &fault))
		verb_fail(&fault); /* closed, and up nevertheless */
	if (/* told of changes before reading what there is: none is missed */
	    watch_open(&run->watch, &fault) ||
	    supervisor_open(context->pin_dir, context->clsact, &policy,
			    &run->supervisor, &fault))
		return verb_fail(&fault);
	run->recorder =
		recorder_new(&run->supervisor.pins, &run->supervisor.policy);
	if (!run->recorder) {
		fault_set(&fault, ENOMEM, "out of memory");
		return verb_fail(&fault);
	}
	watch_open_rules(&run->rules, &fault);	  /* NULL: no nftables */
	run->supervisor.is_guard_doubtful = true; /* until it is seen once */
	r = prepare(run);
	if (!r) {
		begin_saving(run);
		recorder_policy(run->recorder, run->supervisor.policy_number);
		follow(run); /* what `up` alone does not watch */
		sd_notify(0, "READY=1");
		r = sd_event_loop(run->event);
	}
	if (r < 0) {
		fault_set(&fault, r, "event loop: %s", strerror(-r));
		return verb_fail(&fault);
	}
	sd_notify(0, "STOPPING=1");
	if (r == EXIT_OK)
		supervisor_note_end(&run->supervisor.pins);
	return r;
}

int verb_run(const struct context *context, int count, char **args)
{
	struct run run = {
		.context = context,
		.supervisor = {.hold = -1,
			       .pins = PINS_CLOSED,
			       .program_fds = {[0 ... DATAPLANE_PROGRAM_COUNT -
						1] = -1}},
	};
	int status;

	(void)args;
	if (count)
		return verb_usage("run takes no arguments");
	status = run_to_the_end(&run);
	recorder_close(&run.recorder,
		       status == EXIT_OK ? "it was told to end" : "it failed");
	sd_event_source_unref(run.records);
	sd_event_source_unref(run.timer);
	sd_event_source_unref(run.later);
	sd_event_unref(run.event);
	watch_close(&run.watch);
	watch_close(&run.rules);
	supervisor_close(&run.supervisor);
	free(run.unassigned);
	return status;
}
