/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The command line. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 wrong configuration. */
#include <db_apikey.h>
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <sys/stat.h>
#include <unistd.h>
#include <api.h>
#include <clock.h>
#include <fetch.h>
#include <demo.h>
#include "gateway.h"
#include "import_cmd.h"
#include "plugin_cmd.h"
#include "script_cmd.h"
#include <script.h>

enum { EXIT_DONE, EXIT_FAILED, EXIT_USAGE, EXIT_CONFIG };

#define SETS_MAX 64

static const char usage_text[] =
	"usage: warbler serve   [--config FILE] [--set KEY=VALUE]...\n"
	"       warbler sandbox [--port N] [--http-port N] [--tls] [--data DIR] [--set KEY=VALUE]...\n"
	"       warbler config  --help | --check [--config FILE]\n"
	"       warbler key     create NAME [SCOPES] | list | revoke ID   [--config FILE]\n"
	"       warbler import  baileys DIR | whatsmeow FILE [--device JID] | bundle FILE   [--session ID] [--config FILE]\n"
	"       warbler demo    [--once]\n"
	"       warbler plugin  new NAME [--dir DIR] | check FILE.so\n"
	"       warbler script  test FILE... | new NAME [FOLDER] | check FILE... | api [--stub]\n"
	"       warbler version\n"
	"\n"
	"serve    the gateway. Without --config: warbler.lua in this folder, when there is one.\n"
	"sandbox  a WhatsApp of our own on loopback, without the gateway's sessions.\n"
	"config   --help lists every key; --check reads the configuration and says what is wrong.\n"
	"demo     order in, WhatsApp message out, answer in, webhook out, all on this machine.\n"
	"plugin   a new one that builds and does something; what a built one exports and asks for.\n"
	"script   Lua scripts: play test conversations, make a new one, does one load, all that they can call.\n"
	"key      API keys of a gateway that is not running.\n"
	"import   a linked device of another program, or a bundle ($WARBLER_PASSPHRASE), into a gateway that is not running.\n"
	"Exit codes: 0 done, 1 failed, 2 wrong usage, 3 wrong configuration.\n";

struct options {
	const char *config;
	const char *sets[SETS_MAX];
	size_t n_sets;
	const char *port, *http_port, *data, *session, *device;
	bool tls, help, check;
};

static const struct wb_api_ops api_ops = { .start = wb_api_register, .drain = wb_api_drain,
					   .free = wb_api_free };

static int usage(void)
{
	fputs(usage_text, stderr);
	return EXIT_USAGE;
}

static int complain(const struct wa_err *err, int code)
{
	fprintf(stderr, "warbler: %s\n", err->msg);
	return code;
}

/* Reads the options after the verb; what is left starts at optind. */
static bool parse(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{ "config", required_argument, NULL, 'c' }, { "set", required_argument, NULL, 's' },
		{ "port", required_argument, NULL, 'p' },   { "http-port", required_argument, NULL, 'w' },
		{ "data", required_argument, NULL, 'd' },   { "tls", no_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },	    { "check", no_argument, NULL, 'k' },
		{ "session", required_argument, NULL, 'n' }, { "device", required_argument, NULL, 'v' },
		{ NULL, 0, NULL, 0 },
	};
	int opt;

	while ((opt = getopt_long(argc, argv, "c:h", longs, NULL)) != -1) {
		switch (opt) {
		case 'c': o->config = optarg; break;
		case 'p': o->port = optarg; break;
		case 'w': o->http_port = optarg; break;
		case 'd': o->data = optarg; break;
		case 'n': o->session = optarg; break;
		case 'v': o->device = optarg; break;
		case 't': o->tls = true; break;
		case 'h': o->help = true; break;
		case 'k': o->check = true; break;
		case 's':
			if (o->n_sets == SETS_MAX || !strchr(optarg, '='))
				return false;
			o->sets[o->n_sets++] = optarg;
			break;
		default: return false;
		}
	}
	return true;
}

/* "plugins.sandbox.port=1234" and "server.port=0" */
static int apply_set(struct wb_config *c, const char *set, struct wa_err *err)
{
	char path[256], *dot;
	const char *eq = strchr(set, '=');

	snprintf(path, sizeof(path), "%.*s", (int)(eq - set), set);
	dot = strncmp(path, "plugins.", 8) == 0 ? strchr(path + 8, '.') : NULL;
	if (!dot)
		return wb_config_set(c, path, eq + 1, err);
	*dot = 0;
	return wb_config_plugin_set(c, path + 8, dot + 1, eq + 1, err);
}

static int load(const struct options *o, struct wb_config **ret_c, struct wa_err *err)
{
	const char *file = o->config ? o->config : getenv("WARBLER_CONFIG");
	struct wb_config *c;
	int r;

	if (!file && access("warbler.lua", F_OK) == 0)
		file = "warbler.lua";
	r = wb_config_load(file, environ, &c, err);
	for (size_t i = 0; r == 0 && i < o->n_sets; i++)
		r = apply_set(c, o->sets[i], err);
	if (r == 0)
		*ret_c = c;
	return r;
}

static void show_first_key(struct wb_gateway *gw)
{
	if (!gw->first_key[0])
		return;
	printf("API key (shown once, keep it): %s\n", gw->first_key);
	explicit_bzero(gw->first_key, sizeof(gw->first_key));
}

/* What a client needs to know to use the sandbox: asked of itself, like anyone would. */
static void on_sandbox(const struct wb_fetch_res *res, const struct wa_err *err, void *ctx)
{
	static const char *const names[] = { "url", "root_key", "ca_file" };
	struct wa_span body = res ? wb_fetch_body(res) : wa_span(NULL, 0);
	json_t *o = json_loadb((const char *)body.ptr, body.len, 0, NULL);

	(void)ctx;
	if (err)
		fprintf(stderr, "warbler: sandbox: %s\n", err->msg);
	for (size_t i = 0; o && i < 3; i++) {
		const char *v = json_string_value(json_object_get(o, names[i]));

		if (v && *v)
			printf("%s %s\n", names[i], v);
	}
	fflush(stdout);
	json_decref(o);
}

static void show_sandbox(struct wb_gateway *gw)
{
	char url[600];
	struct wb_fetch_req req = { .url = url, .allow_private = true, .owner = "sandbox" };

	snprintf(url, sizeof(url), "%s/v1/sandbox", gw->public_url);
	if (wb_fetch(gw->net, &req, on_sandbox, NULL, NULL, NULL) < 0)
		fprintf(stderr, "warbler: sandbox: no answer\n");
}

static int run(struct wb_config *take_c, const struct wb_gateway_opts *opts)
{
	struct wa_err err = WA_ERR_INIT;
	struct wb_gateway *gw;
	int r = wb_gateway_new(take_c, opts, &gw, &err);

	if (r < 0)
		return complain(&err, r == WA_EINVALID ? EXIT_CONFIG : EXIT_FAILED);
	r = wb_gateway_signals(gw, &err);
	if (r == 0)
		r = wb_gateway_start(gw, &err);
	if (r < 0) {
		complain(&err, 0);
		wb_gateway_free(gw);
		return r == WA_EINVALID ? EXIT_CONFIG : EXIT_FAILED;
	}
	show_first_key(gw);
	printf("listening on %s\n", gw->public_url);
	fflush(stdout);
	if (opts->no_sessions)
		show_sandbox(gw);
	wb_gateway_run(gw);
	wb_gateway_free(gw);
	return EXIT_DONE;
}

static int cmd_serve(const struct options *o)
{
	struct wb_gateway_opts opts = { .config_file = o->config, .api = &api_ops,
					.scripts = &wb_script_gateway_ops };
	struct wa_err err = WA_ERR_INIT;
	struct wb_config *c;

	if (!opts.config_file)
		opts.config_file = getenv("WARBLER_CONFIG");
	if (!opts.config_file && access("warbler.lua", F_OK) == 0)
		opts.config_file = "warbler.lua";
	if (load(o, &c, &err))
		return complain(&err, EXIT_CONFIG);
	return run(c, &opts);
}

static int cmd_config(const struct options *o)
{
	struct wa_err err = WA_ERR_INIT;
	struct wb_config *c;
	struct wa_buf out;

	if (o->help) {
		wa_buf_init(&out, 1u << 20);
		wb_config_help(&out);
		fputs(wa_buf_cstr(&out), stdout);
		wa_buf_clear(&out);
		return EXIT_DONE;
	}
	if (!o->check)
		return usage();
	if (load(o, &c, &err))
		return complain(&err, EXIT_CONFIG);
	for (size_t i = 0; wb_config_stray(c, i); i++)
		fprintf(stderr, "warbler: %s means nothing\n", wb_config_stray(c, i));
	wb_config_free(c);
	puts("configuration is fine");
	return EXIT_DONE;
}

/* ---- sandbox ---- */

/* One level deep is all there is: database, key, plugin folders. */
static void remove_tree(const char *path)
{
	char sub[4096];
	struct dirent *e;
	DIR *d = opendir(path);

	while (d && (e = readdir(d))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		snprintf(sub, sizeof(sub), "%s/%s", path, e->d_name);
		if (unlink(sub) < 0 && errno == EISDIR)
			remove_tree(sub);
	}
	if (d)
		closedir(d);
	rmdir(path);
}

static int sandbox_config(const struct options *o, const char *data, struct wb_config **ret_c,
			  struct wa_err *err)
{
	struct wb_config *c;
	int r = wb_config_load(NULL, environ, &c, err);

	if (r == 0)
		r = wb_config_set(c, "data_dir", data, err);
	if (r == 0)
		r = wb_config_set(c, "plugins.enabled", "sandbox", err);
	if (r == 0)
		r = wb_config_set(c, "server.port", o->http_port ? o->http_port : "0", err);
	if (r == 0 && o->port)
		r = wb_config_plugin_set(c, "sandbox", "port", o->port, err);
	if (r == 0 && o->tls)
		r = wb_config_plugin_set(c, "sandbox", "tls", "true", err);
	for (size_t i = 0; r == 0 && i < o->n_sets; i++)
		r = apply_set(c, o->sets[i], err);
	if (r == 0)
		*ret_c = c;
	return r;
}

static int cmd_sandbox(const struct options *o)
{
	struct wb_gateway_opts opts = { .no_sessions = true, .api = &api_ops };
	const char *tmp = getenv("TMPDIR");
	struct wa_err err = WA_ERR_INIT;
	struct wb_config *c = NULL;
	char made[4096];
	int code;

	snprintf(made, sizeof(made), "%s/warbler-sandbox-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	if (!o->data && !mkdtemp(made)) {
		fprintf(stderr, "warbler: %s: %s\n", made, strerror(errno));
		return EXIT_FAILED;
	}
	if (sandbox_config(o, o->data ? o->data : made, &c, &err) < 0)
		code = complain(&err, EXIT_CONFIG);
	else
		code = run(c, &opts);
	if (!o->data)
		remove_tree(made);
	return code;
}

/* ---- keys ---- */

static int on_key(void *ctx, const struct db_apikey *k)
{
	char made[WA_TIME_TEXT], used[WA_TIME_TEXT];

	(void)ctx;
	printf("%s  %-20s  %-20s  made %s  used %s%s\n", k->id, k->name, k->scopes,
	       wa_time_format(k->created_ms, made),
	       k->last_used_ms ? wa_time_format(k->last_used_ms, used) : "never",
	       k->revoked_ms ? "  revoked" : "");
	return 0;
}

static void on_stored(void *ctx, int code, const struct wa_err *err, const struct db_result *res)
{
	int *ret = ctx;

	(void)res;
	*ret = code;
	if (code < 0)
		fprintf(stderr, "warbler: %s\n", err->msg);
}

static int store(struct wb_gateway *gw, struct wb_tx *take_tx)
{
	int code = WA_EINTERNAL;

	wb_tx_commit(take_tx, on_stored, &code);
	db_flush(gw->db);
	return code == 0 ? EXIT_DONE : EXIT_FAILED;
}

static int key_create(struct wb_gateway *gw, const char *name, const char *scopes)
{
	char key[WB_APIKEY_TEXT], id[DB_ID_LEN + 1];
	struct wb_tx *tx = wb_tx_new(gw);
	struct wa_err err = WA_ERR_INIT;
	int code;

	if (wb_apikey_make(wb_tx_batch(tx), name, scopes, key, id, &err) < 0) {
		wb_tx_abort(tx);
		return complain(&err, EXIT_USAGE);
	}
	code = store(gw, tx);
	if (code == EXIT_DONE)
		printf("%s\n", key);
	explicit_bzero(key, sizeof(key));
	return code;
}

static int key_verb(struct wb_gateway *gw, int argc, char **argv)
{
	struct wa_err err = WA_ERR_INIT;
	struct wb_tx *tx;

	if (argc >= 2 && argc <= 3 && strcmp(argv[0], "create") == 0)
		return key_create(gw, argv[1], argc == 3 ? argv[2] : "*");
	if (argc == 1 && strcmp(argv[0], "list") == 0)
		return db_apikey_each(gw->db, NULL, 100000, on_key, NULL, &err) < 0 ?
			       complain(&err, EXIT_FAILED) : EXIT_DONE;
	if (argc == 2 && strcmp(argv[0], "revoke") == 0) {
		tx = wb_tx_new(gw);
		db_batch_apikey_revoke(wb_tx_batch(tx), argv[1], wb_now(gw));
		return store(gw, tx);
	}
	return usage();
}

static int cmd_key(const struct options *o, int argc, char **argv)
{
	struct wb_gateway_opts opts = { .no_sessions = true };
	struct wa_err err = WA_ERR_INIT;
	struct wb_gateway *gw;
	struct wb_config *c;
	int code;

	if (argc < 1)
		return usage();
	if (load(o, &c, &err))
		return complain(&err, EXIT_CONFIG);
	if (wb_gateway_new(c, &opts, &gw, &err))
		return complain(&err, EXIT_FAILED);
	code = key_verb(gw, argc, argv);
	wb_gateway_free(gw);
	return code;
}

static int cmd_import(const struct options *o, int argc, char **argv)
{
	struct wb_gateway_opts opts = { .config_file = o->config };
	struct wa_err err = WA_ERR_INIT;
	struct wb_gateway *gw;
	struct wb_config *c;
	int r;

	if (argc < 2)
		return usage();
	if (load(o, &c, &err))
		return complain(&err, EXIT_CONFIG);
	if (wb_gateway_new(c, &opts, &gw, &err))
		return complain(&err, EXIT_FAILED);
	r = wb_import_cmd(gw, argc, argv, o->session, o->device);
	wb_gateway_free(gw);
	return r == WA_EINVALID ? usage() : r < 0 ? EXIT_FAILED : EXIT_DONE;
}

int main(int argc, char **argv)
{
	struct options o = { 0 };
	const char *verb = argc > 1 ? argv[1] : "";

	if (strcmp(verb, "--help") == 0 || strcmp(verb, "-h") == 0 || strcmp(verb, "help") == 0) {
		fputs(usage_text, stdout);
		return EXIT_DONE;
	}
	if (strcmp(verb, "demo") == 0)
		return wb_demo_main(argc - 1, argv + 1);
	if (strcmp(verb, "plugin") == 0)
		return wb_plugin_main(argc - 1, argv + 1);
	if (strcmp(verb, "script") == 0)
		return wb_script_main(argc - 1, argv + 1);
	if (argc < 2 || !parse(argc - 1, argv + 1, &o))
		return usage();
	if (strcmp(verb, "version") == 0) {
		puts("warbler " WB_VERSION);
		return EXIT_DONE;
	}
	if (strcmp(verb, "config") == 0)
		return cmd_config(&o);
	if (o.help) {
		fputs(usage_text, stdout);
		return EXIT_DONE;
	}
	if (strcmp(verb, "serve") == 0)
		return cmd_serve(&o);
	if (strcmp(verb, "sandbox") == 0)
		return cmd_sandbox(&o);
	if (strcmp(verb, "key") == 0)
		return cmd_key(&o, argc - 1 - optind, argv + 1 + optind);
	if (strcmp(verb, "import") == 0)
		return cmd_import(&o, argc - 1 - optind, argv + 1 + optind);
	return usage();
}
