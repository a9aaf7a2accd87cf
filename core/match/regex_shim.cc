/* SPDX-License-Identifier: GPL-3.0-or-later */
/* RE2 as five C functions. */
#include "regex_shim.h"

#include <cstdio>
#include <map>
#include <new>
#include <string>

#include <re2/re2.h>

namespace {

/* the bits of match.h, which C++ does not read */
enum : uint32_t { NOCASE = 1, DOTALL = 2, MULTILINE = 4 };

const int GROUPS = 17;

int32_t compile(const char *pattern, size_t len, uint32_t flags, int64_t max_memory, void **ret,
		size_t *ret_offset, char *msg, size_t msg_size)
{
	*ret_offset = 0;
	try {
		RE2::Options options;
		std::string text = flags & MULTILINE ? "(?m)" : "";
		size_t added = text.size();

		options.set_log_errors(false);
		options.set_max_mem(max_memory);
		options.set_case_sensitive(!(flags & NOCASE));
		options.set_dot_nl((flags & DOTALL) != 0);
		text.append(pattern, len);
		RE2 *re = new RE2(text, options);

		if (re->ok()) {
			*ret = re;
			return WB_REGEX_SHIM_OK;
		}
		std::snprintf(msg, msg_size, "%s", re->error().c_str());
		size_t at = re->error_arg().empty() ? std::string::npos : text.find(re->error_arg());

		if (at != std::string::npos && at >= added)
			*ret_offset = at - added;
		bool large = re->error_code() == RE2::ErrorPatternTooLarge;

		delete re;
		return large ? WB_REGEX_SHIM_LARGE : WB_REGEX_SHIM_WRONG;
	} catch (...) {
		std::snprintf(msg, msg_size, "out of memory");
		return WB_REGEX_SHIM_FAILED;
	}
}

void release(void *re)
{
	delete static_cast<RE2 *>(re);
}

int32_t match(const void *re, const char *text, size_t len, size_t from, int32_t whole,
	      struct wb_regex_shim_group *groups, size_t n)
{
	re2::StringPiece found[GROUPS];
	int wanted = n > GROUPS ? GROUPS : static_cast<int>(n);

	try {
		const RE2 *r = static_cast<const RE2 *>(re);
		int have = r->NumberOfCapturingGroups() + 1;

		if (!r->Match(re2::StringPiece(text, len), from, len,
			      whole ? RE2::ANCHOR_BOTH : RE2::UNANCHORED, found,
			      wanted < have ? wanted : have))
			return 0;
	} catch (...) {
		return 0;
	}
	for (size_t i = 0; i < n; i++) {
		bool none = i >= GROUPS || !found[i].data();

		groups[i].start = none ? SIZE_MAX : static_cast<size_t>(found[i].data() - text);
		groups[i].len = none ? 0 : found[i].size();
	}
	return 1;
}

int32_t groups(const void *re)
{
	return static_cast<const RE2 *>(re)->NumberOfCapturingGroups();
}

void group_name(const void *re, int32_t group, char *out, size_t size)
{
	out[0] = 0;
	try {
		const std::map<int, std::string> &names =
			static_cast<const RE2 *>(re)->CapturingGroupNames();
		auto it = names.find(group);

		if (it != names.end())
			std::snprintf(out, size, "%s", it->second.c_str());
	} catch (...) {
		out[0] = 0;
	}
}

}

extern "C" {
extern __attribute__((visibility("default"))) const struct wb_regex_shim wb_regex_shim;
const struct wb_regex_shim wb_regex_shim = { WB_REGEX_SHIM_ABI, 0, compile, release, match, groups,
					     group_name };
}
