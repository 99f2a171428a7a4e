/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmocka, with the headers that it wants before it. */
#ifndef SG_TESTS_CMOCKA_FIRST_H
#define SG_TESTS_CMOCKA_FIRST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* not sorted in with them */
#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
