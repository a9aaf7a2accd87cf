/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_API_H
#define WB_API_H

/*
 * The REST API, /v1: handlers, one file per resource, and the one route table
 * (routes.c). openapi.yaml is its contract; a test keeps both equal.
 *
 * Authentication: `Authorization: Bearer KEY` or `X-API-Key: KEY`. A route names
 * the scope it needs; a route without one needs no key.
 */
#include <gateway.h>

struct wb_api;

/* Adds the routes and the authentication hook to gw->router and gw->http, and opens
 * the WebSocket event stream when server.ws_port is set. */
int wb_api_register(struct wb_gateway *gw, struct wa_err *err) WA_MUST_USE;
/* Close streams and long polls (a gateway that drains). */
void wb_api_drain(struct wb_gateway *gw);
void wb_api_free(struct wb_gateway *gw);

/* The table, for the test against openapi.yaml; ends with method NULL. */
extern const struct wb_route wb_api_routes[];

#endif
