/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_PLUGIN_CMD_H
#define WB_PLUGIN_CMD_H

/* `warbler plugin new NAME [--dir DIR]` and `warbler plugin check FILE.so`: for who writes plugins. */

int wb_plugin_main(int argc, char **argv);	/* argv[0] is "plugin"; exit code */
int wb_plugin_check_file(const char *path);	/* exit code: 0 fine, 1 it cannot be used */

#endif
