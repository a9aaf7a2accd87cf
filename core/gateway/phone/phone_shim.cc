/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libphonenumber as three C functions. */
#include "phone_shim.h"

#include <cstdio>
#include <set>
#include <string>

#include <phonenumbers/logger.h>
#include <phonenumbers/phonenumberutil.h>

using i18n::phonenumbers::PhoneNumber;
using i18n::phonenumbers::PhoneNumberUtil;

namespace {

PhoneNumberUtil *util()
{
	static PhoneNumberUtil *const instance = [] {
		auto *u = PhoneNumberUtil::GetInstance();

		/* it prints to standard output by default; ours is not its place */
		i18n::phonenumbers::Logger::set_logger_impl(new i18n::phonenumbers::NullLogger());
		return u;
	}();
	return instance;
}

int32_t parse(const char *text, const char *region, char *out, size_t size, int32_t *valid)
{
	try {
		PhoneNumber number;
		std::string e164;

		switch (util()->Parse(text, region, &number)) {
		case PhoneNumberUtil::NO_PARSING_ERROR:
			break;
		case PhoneNumberUtil::INVALID_COUNTRY_CODE_ERROR:
			return WB_SHIM_NO_REGION;
		default:
			return WB_SHIM_NOT_A_NUMBER;
		}
		util()->Format(number, PhoneNumberUtil::E164, &e164);
		if (e164.size() >= size)
			return WB_SHIM_NOT_A_NUMBER;
		std::snprintf(out, size, "%s", e164.c_str());
		*valid = util()->IsValidNumber(number) ? 1 : 0;
		return WB_SHIM_OK;
	} catch (...) {
		return WB_SHIM_FAILED;
	}
}

void region(const char *e164, char out[3])
{
	out[0] = 0;
	try {
		PhoneNumber number;
		std::string code;

		if (util()->Parse(e164, "ZZ", &number) != PhoneNumberUtil::NO_PARSING_ERROR)
			return;
		util()->GetRegionCodeForNumber(number, &code);
		if (code.size() == 2 && code != "ZZ")
			std::snprintf(out, 3, "%s", code.c_str());
	} catch (...) {
		out[0] = 0;
	}
}

int32_t region_known(const char *code)
{
	try {
		std::set<std::string> regions;

		util()->GetSupportedRegions(&regions);
		return regions.count(code) ? 1 : 0;
	} catch (...) {
		return 0;
	}
}

}

extern "C" {
extern __attribute__((visibility("default"))) const struct wb_phone_shim wb_phone_shim;
const struct wb_phone_shim wb_phone_shim = { WB_PHONE_SHIM_ABI, 0, parse, region, region_known };
}
