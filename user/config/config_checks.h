/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libconfuse validators, for the grammar's table: 0, or -1 with a report. A
 * setting is checked in its section, a section when it is complete.
 */
#ifndef SG_USER_CONFIG_CHECKS_H
#define SG_USER_CONFIG_CHECKS_H

#include <confuse.h>
#include <stdbool.h>

#include "sys/fault.h"

/* Before a parse: where to report, and under which name. */
void check_begin(const char *name, struct fault *fault);
/* Return whether any section or setting but forwards was seen since. */
bool check_saw_anything(void);
/* The parser's error function. */
void check_report(cfg_t *cfg, const char *format, va_list args);

int check_once(cfg_t *cfg, cfg_opt_t *opt);
int check_section(cfg_t *cfg, cfg_opt_t *opt);
int check_interfaces(cfg_t *cfg, cfg_opt_t *opt);
int check_addr(cfg_t *cfg, cfg_opt_t *opt);
int check_addr6(cfg_t *cfg, cfg_opt_t *opt);
int check_network(cfg_t *cfg, cfg_opt_t *opt);
int check_networks(cfg_t *cfg, cfg_opt_t *opt);
int check_ports(cfg_t *cfg, cfg_opt_t *opt);
int check_protocol(cfg_t *cfg, cfg_opt_t *opt);
int check_directory(cfg_t *cfg, cfg_opt_t *opt);
int check_when_full(cfg_t *cfg, cfg_opt_t *opt);
int check_early_mode(cfg_t *cfg, cfg_opt_t *opt);
int check_roles(cfg_t *cfg, cfg_opt_t *opt);
int check_uplinks(cfg_t *cfg, cfg_opt_t *opt);
int check_port_or_none(cfg_t *cfg, cfg_opt_t *opt);
int check_flows(cfg_t *cfg, cfg_opt_t *opt);
int check_half_open(cfg_t *cfg, cfg_opt_t *opt);
int check_new_per_source(cfg_t *cfg, cfg_opt_t *opt);
int check_duration(cfg_t *cfg, cfg_opt_t *opt);
int check_forward(cfg_t *cfg, cfg_opt_t *opt);
int check_masquerade_ports(cfg_t *cfg, cfg_opt_t *opt);

#endif
