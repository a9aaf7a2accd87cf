/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a plugin's file says of itself, and whether this program could load it. */
#include <db.h>
#include <elf.h>
#include <fcntl.h>
#include <log.h>
#include <plugin_file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugin_cmd.h"

static int problems;

#define PROBLEM(...) (problems++, printf("  problem: " __VA_ARGS__), printf("\n"))

/* ---- symbols ---- */

struct elf {
	const uint8_t *p;
	size_t len;
};

/* n entries of `size` at `off`, or NULL when they are not in the file. */
static const void *part(const struct elf *e, uint64_t off, uint64_t size, uint64_t n)
{
	uint64_t all;

	if (__builtin_mul_overflow(size, n, &all) || off > e->len || all > e->len - off || off % 8)
		return NULL;
	return e->p + off;
}

static const char *name_at(const struct elf *e, const Elf64_Shdr *names, uint64_t at)
{
	const uint8_t *p = at < names->sh_size ? part(e, names->sh_offset & ~7ull, 1, 8) : NULL;

	if (!p || names->sh_offset > e->len || names->sh_size > e->len - names->sh_offset)
		return "";
	p = e->p + names->sh_offset + at;
	return memchr(p, 0, names->sh_size - at) ? (const char *)p : "";
}

static void check_symbols(const struct elf *e, const Elf64_Shdr *table, const Elf64_Shdr *names)
{
	const Elf64_Sym *s = part(e, table->sh_offset, 1, table->sh_size);
	size_t n = table->sh_size / sizeof(*s), needed = 0;

	for (size_t i = 1; s && i < n; i++) {
		unsigned bind = ELF64_ST_BIND(s[i].st_info);
		const char *name = name_at(e, names, s[i].st_name);

		if (bind == STB_LOCAL)
			continue;
		if (s[i].st_shndx == SHN_UNDEF)
			needed += bind != STB_WEAK;
		else if (strcmp(name, "wb_plugin") != 0 && *name)
			PROBLEM("exports %s: only wb_plugin may be seen (-fvisibility=hidden, "
				"-Wl,--exclude-libs,ALL)", name);
	}
	printf("  symbols: exports wb_plugin, needs %zu of the system's libraries\n", needed);
}

static void check_elf(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st = { .st_size = 0 };
	struct elf e = { MAP_FAILED, 0 };
	const Elf64_Ehdr *h;
	const Elf64_Shdr *sh;

	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size >= (off_t)sizeof(*h)) {
		e.len = (size_t)st.st_size;
		e.p = mmap(NULL, e.len, PROT_READ, MAP_PRIVATE, fd, 0);
	}
	if (fd >= 0)
		close(fd);
	if (e.p == MAP_FAILED)
		return;
	h = (const void *)e.p;
	sh = memcmp(e.p, ELFMAG, SELFMAG) == 0 && e.p[EI_CLASS] == ELFCLASS64 ?
		     part(&e, h->e_shoff, sizeof(*sh), h->e_shnum) : NULL;
	for (unsigned i = 0; sh && i < h->e_shnum; i++)
		if (sh[i].sh_type == SHT_DYNSYM && sh[i].sh_link < h->e_shnum)
			check_symbols(&e, &sh[i], &sh[sh[i].sh_link]);
	munmap((void *)(uintptr_t)e.p, e.len);
}

/* ---- migrations ---- */

static const char tables_sql[] =
	"SELECT name, strict FROM pragma_table_list WHERE schema = 'main' AND type = 'table' ORDER BY name";

struct tables {
	const struct wb_plugin_def *def;
	struct wa_buf core;	/* " name " of every table that is there without the plugin */
};

static int on_core_table(void *ctx, const struct db_row *row)
{
	struct tables *t = ctx;

	wa_buf_u8(&t->core, ' ');
	wa_buf_span(&t->core, db_row_span(row, 0));
	wa_buf_u8(&t->core, ' ');
	return 0;
}

static int on_table(void *ctx, const struct db_row *row)
{
	struct tables *t = ctx;
	const struct wb_plugin_def *d = t->def;
	struct wa_span name = db_row_span(row, 0);
	size_t n = strlen(d->name);
	char text[128];

	(void)snprintf(text, sizeof(text), " %.*s ", WA_SPAN_ARG(name));
	if (strstr(wa_buf_cstr(&t->core), text))
		return 0;
	if (name.len <= n || memcmp(name.ptr, d->name, n) != 0 || name.ptr[n] != '_')
		PROBLEM("table %.*s: its name must begin with %s_", WA_SPAN_ARG(name), d->name);
	else if (!db_row_int(row, 1))
		PROBLEM("table %.*s: it must be STRICT", WA_SPAN_ARG(name));
	else
		printf("  table %.*s\n", WA_SPAN_ARG(name));
	return 0;
}

static int apply(struct db *db, const struct wb_plugin_def *d, struct wa_err *err)
{
	size_t n = wb_module_migrations(d);
	struct db_migration m[WB_PLUGIN_MIGRATIONS_MAX];

	for (size_t i = 0; i < n; i++)
		m[i] = (struct db_migration){ d->migrations[i].number, d->migrations[i].name, d->migrations[i].sql };
	return db_migrate_plugin(db, d->name, m, n, err);
}

static int make_scratch(const char *dir, const struct wb_plugin_def *d, const struct wa_env *env, struct wa_err *err)
{
	static const uint8_t key[32] = { 1 };	/* nothing is in it */
	char path[128];
	struct tables t = { .def = d };
	struct db *db = NULL;
	int r;

	(void)snprintf(path, sizeof(path), "%s/scratch.db", dir);
	r = db_open(&(struct db_opts){ .path = path, .key = key, .sync = DB_SYNC_NORMAL, .env = env }, &db, err);
	wa_buf_init(&t.core, 1u << 16);
	if (r == 0)
		r = db_query(db, tables_sql, NULL, 0, on_core_table, &t, err);
	if (r == 0)
		r = apply(db, d, err);
	if (r == 0)
		r = db_query(db, tables_sql, NULL, 0, on_table, &t, err);
	db_close(db);
	wa_buf_clear(&t.core);
	return r;
}

static void check_migrations(const struct wb_plugin_def *d)
{
	char dir[] = "/tmp/warbler-check-XXXXXX", path[128];
	static const char *const files[] = { "scratch.db", "scratch.db-wal", "scratch.db-shm" };
	struct wa_err err = WA_ERR_INIT;
	struct wa_env env;

	if (!wb_module_migrations(d))
		return;
	if (!mkdtemp(dir)) {
		PROBLEM("no folder for a scratch database");
		return;
	}
	wa_env_default(&env, NULL);
	if (make_scratch(dir, d, &env, &err) < 0)
		PROBLEM("migrations: %s", err.msg);
	else
		printf("  migrations: %zu, applied to a scratch database\n", wb_module_migrations(d));
	for (size_t i = 0; i < WA_ARRAY_LEN(files); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
		unlink(path);
	}
	rmdir(dir);
}

/* ---- all of it ---- */

static void print_params(const struct wb_plugin_def *d)
{
	static const char *const types[] = { "text", "integer", "boolean", "list" };

	for (size_t i = 0; i < wb_module_params(d); i++) {
		const struct wb_param *p = &d->params[i];

		printf("  parameter plugins.%s.%s: %s%s, ", d->name, p->name, types[p->type], p->secret ? ", secret" : "");
		if (p->fallback)
			printf("default \"%s\"", p->fallback);
		else
			printf("required");
		printf(": %s\n", p->help ? p->help : "");
		if (!p->help || !*p->help)
			PROBLEM("parameter %s has no help", p->name);
	}
}

int wb_plugin_check_file(const char *path)
{
	struct wa_err err = WA_ERR_INIT;
	struct wb_module m;
	const char *base = strrchr(path, '/');
	char want[64];

	problems = 0;
	if (wb_module_open(&m, path, NULL, &err) < 0) {
		printf("%s\n", path);
		PROBLEM("%s", err.msg);
		return 1;
	}
	printf("%s %s: %s (%s)\n", m.def->name, m.def->version ? m.def->version : "without a version",
	       m.def->summary ? m.def->summary : "", m.def->license ? m.def->license : "no license named");
	printf("  ABI %u.%u, this program has %u.%u\n", m.def->abi >> 16, m.def->abi & 0xffff, WB_ABI_MAJOR, WB_ABI_MINOR);
	(void)snprintf(want, sizeof(want), "%s.so", m.def->name);
	if (strcmp(base ? base + 1 : path, want) != 0)
		PROBLEM("the file must be called %s", want);
	check_elf(path);
	print_params(m.def);
	check_migrations(m.def);
	wb_module_close(&m);
	printf(problems ? "%d problem(s)\n" : "can be loaded\n", problems);
	return problems ? 1 : 0;
}
