/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WA_BANNED_H
#define WA_BANNED_H

/* Force-included into every C file: libc names that do not check become errors.
 * The system headers that declare them are read first, so that only our calls are caught. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WA_BANNED(name) wa_banned_##name
#undef strcpy
#define strcpy(d, s) WA_BANNED(strcpy)
#undef strcat
#define strcat(d, s) WA_BANNED(strcat)
#undef strncpy
#define strncpy(d, s, n) WA_BANNED(strncpy)
#undef strncat
#define strncat(d, s, n) WA_BANNED(strncat)
#undef sprintf
#define sprintf(...) WA_BANNED(sprintf)
#undef vsprintf
#define vsprintf(...) WA_BANNED(vsprintf)
#undef strtok
#define strtok(s, d) WA_BANNED(strtok)
#undef sscanf
#define sscanf(...) WA_BANNED(sscanf)
#undef atoi
#define atoi(s) WA_BANNED(atoi)
#undef gmtime
#define gmtime(t) WA_BANNED(gmtime)
#undef localtime
#define localtime(t) WA_BANNED(localtime)
#undef ctime
#define ctime(t) WA_BANNED(ctime)
#undef gets
#define gets(s) WA_BANNED(gets)

#endif
