/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api_int.h"

/* The table of routes. openapi.yaml says the same; tests/unit/api keeps them equal. */
const struct wb_route wb_api_routes[] = {
	{ "GET", "/healthz", NULL, api_healthz, NULL, "Is the process alive?" },
	{ "GET", "/readyz", NULL, api_readyz, NULL, "Does it serve? 503 while starting or stopping" },
	{ "GET", "/metrics", "metrics:read", api_metrics, NULL, "Prometheus metrics" },
	{ "GET", "/openapi.yaml", NULL, api_openapi, NULL, "This API's description" },

	{ "GET", "/v1/sessions", "sessions:read", api_sessions_list, NULL, "List sessions" },
	{ "POST", "/v1/sessions", "sessions:write", api_sessions_create, NULL, "Create a session and start linking" },
	{ "GET", "/v1/sessions/{id}", "sessions:read", api_session_get, NULL, "One session and its status" },
	{ "PATCH", "/v1/sessions/{id}", "sessions:write", api_session_patch, NULL, "Rename a session, change its settings" },
	{ "DELETE", "/v1/sessions/{id}", "sessions:write", api_session_delete, NULL,
	  "Delete a session, its credentials and its messages" },
	{ "POST", "/v1/sessions/{id}/start", "sessions:write", api_session_start, NULL, "Connect, or link" },
	{ "POST", "/v1/sessions/{id}/stop", "sessions:write", api_session_stop, NULL, "Disconnect, keep credentials" },
	{ "POST", "/v1/sessions/{id}/restart", "sessions:write", api_session_restart, NULL, "Disconnect and connect" },
	{ "POST", "/v1/sessions/{id}/logout", "sessions:write", api_session_logout, NULL,
	  "Unlink at WhatsApp and delete credentials" },
	{ "GET", "/v1/sessions/{id}/qr", "sessions:write", api_session_qr, NULL, "The QR to scan: JSON, PNG, text, terminal" },
	{ "POST", "/v1/sessions/{id}/pairing-code", "sessions:write", api_session_code, NULL, "Link by code instead of QR" },
	{ "GET", "/v1/sessions/{id}/check", "sessions:read", api_session_check, NULL, "Is a number on WhatsApp?" },
	{ "POST", "/v1/sessions/{id}/presence", "sessions:write", api_session_presence, NULL,
	  "Go online or offline; subscribe to somebody's presence" },

	{ "GET", "/v1/sessions/{id}/chats", "messages:read", api_chats_list, NULL, "List chats, newest first" },
	{ "GET", "/v1/sessions/{id}/chats/{chat}", "messages:read", api_chat_get, NULL, "One chat" },
	{ "POST", "/v1/sessions/{id}/chats/{chat}/read", "messages:write", api_chat_read, NULL, "Mark messages as read" },
	{ "POST", "/v1/sessions/{id}/chats/{chat}/state", "messages:write", api_chat_state, NULL, "Show typing or recording" },
	{ "GET", "/v1/sessions/{id}/contacts", "contacts:read", api_contacts_list, NULL, "List contacts" },
	{ "GET", "/v1/sessions/{id}/contacts/{chat}", "contacts:read", api_contact_get, NULL, "One contact" },
	{ "POST", "/v1/sessions/{id}/contacts/{chat}/consent", "contacts:write", api_contact_consent, NULL,
	  "Record that somebody wants no messages, or wants them again" },

	{ "POST", "/v1/messages", "messages:write", api_messages_send, NULL, "Send a message" },
	{ "GET", "/v1/messages", "messages:read", api_messages_list, NULL, "List messages, newest first" },
	{ "GET", "/v1/messages/{id}", "messages:read", api_message_get, NULL, "One message" },
	{ "POST", "/v1/messages/{id}/cancel", "messages:write", api_message_cancel, NULL, "Cancel a message that has not left" },
	{ "GET", "/v1/messages/{id}/trace", "messages:read", api_message_trace, NULL, "The whole life of a message" },

	{ "GET", "/v1/events", "events:read", api_events_list, NULL, "Events after a sequence number; long poll" },
	{ "GET", "/v1/events/stream", "events:read", api_events_sse, NULL, "Events as they happen (server-sent events)" },
	{ "GET", "/v1/events/kinds", "events:read", api_event_kinds, NULL, "Event kinds of the gateway itself" },

	{ "GET", "/v1/keys", "keys:read", api_keys_list, NULL, "List API keys" },
	{ "POST", "/v1/keys", "keys:write", api_keys_create, NULL, "Make an API key; shown once" },
	{ "DELETE", "/v1/keys/{id}", "keys:write", api_key_revoke, NULL, "Revoke an API key" },

	{ "GET", "/v1/hosts", "metrics:read", api_hosts, NULL, "Every host this gateway has contacted" },
	{ "GET", "/v1/plugins", "plugins:read", api_plugins, NULL, "Loaded plugins and their parameters" },
	{ NULL, NULL, NULL, NULL, NULL, NULL },
};
