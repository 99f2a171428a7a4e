/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Routes that routers have advertised (RFC 4861), while an interface begins to
 * forward IPv6. The kernel forgets them all then (rt6_purge_dflt_routers()),
 * but those by interfaces that take advertisements even if they forward:
 * accept_ra is 2, where 1 is usual. So it is for a moment.
 */
#ifndef SG_USER_ACCEPT_RA_H
#define SG_USER_ACCEPT_RA_H

/* Set each interface's accept_ra from 1 to 2. Which ones is noted first, in
 * HOLD_FOLDER; where it cannot be noted nothing is set, and routes come again
 * with their routers' next advertisement. */
void accept_ra_raise(const char *pin_dir);

/* Set back to 1 those that are noted, also by a loader that was killed since,
 * and forget them. */
void accept_ra_restore(const char *pin_dir);

#endif
