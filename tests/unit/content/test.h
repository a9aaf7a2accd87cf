/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CONTENT_TEST_H
#define CONTENT_TEST_H

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <base.h>
#include <content.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#endif
