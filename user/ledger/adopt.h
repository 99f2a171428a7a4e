/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A segment as its writer left it, for the next to go on from. */
#ifndef SG_USER_ADOPT_H
#define SG_USER_ADOPT_H

#include "ledger/writer.h"

/* Read the newest segment of a ledger. What is no whole record at its end is
 * copied to NNNNNNNN.torn; the file stays as it is. 0, or -errno. */
int adopt_newest(const char *dir, struct writer_previous *ret_previous,
		 struct fault *ret_fault);

#endif
