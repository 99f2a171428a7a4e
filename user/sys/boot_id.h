/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's name of this boot. */
#ifndef SG_USER_BOOT_ID_H
#define SG_USER_BOOT_ID_H

#define BOOT_ID_BYTES 37 /* a UUID with its NUL */

/* 0 or -errno. */
int boot_id_read(char ret_id[BOOT_ID_BYTES]);

#endif
