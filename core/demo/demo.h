/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_DEMO_H
#define WB_DEMO_H

/*
 * `warbler demo [--once]`: the main job without a phone and without
 * configuration. It starts two children of this program, `warbler sandbox` (a
 * WhatsApp of our own) and `warbler serve`, in a temporary folder on free ports,
 * and does over HTTP what a shop and its customers would do.
 *
 * --once	every step of the main job, each with its time; 0 only when all of
 *		them happened, else says what is missing and 1
 * otherwise	the same, then stays until Ctrl-C: Enter places another order, which
 *		is answered by hand on the phone page
 *
 * Nothing is kept: every start is a fresh one; folder and children are gone at
 * the end, after a failure and after Ctrl-C too.
 */
int wb_demo_main(int argc, char **argv);	/* argv[0] is "demo"; the exit status */

#endif
