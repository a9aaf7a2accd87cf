/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_IMPORT_CMD_H
#define WB_IMPORT_CMD_H

/* `warbler import`: credentials of another program into a gateway that is not running. */
#include "gateway.h"

/* argv: baileys DIR | whatsmeow FILE | bundle FILE. session: id, NULL made; device: JID, NULL. 0, or the
 * error was told on standard error. */
int wb_import_cmd(struct wb_gateway *gw, int argc, char **argv, const char *session, const char *device);

#endif
