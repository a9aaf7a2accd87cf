/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_SCRIPT_CMD_H
#define WB_SCRIPT_CMD_H

/* `warbler script …`: what needs no running gateway. argv[0] is "script". The exit code: 0 done, 1 failed
 * (a test, a check), 2 wrong usage. */
int wb_script_main(int argc, char **argv);

#endif
