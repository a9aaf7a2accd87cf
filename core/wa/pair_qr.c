/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The text of a linking QR code. */
#include <wa/pair.h>

#include <base.h>
#include <text.h>

#define QR_PREFIX   "https://wa.me/settings/linked_devices#"
#define QR_TEXT_MAX 1024
#define QR_FIELDS   5

int wa_qr_text(struct wa_span ref, const struct wa_device *d, char client_type, struct wa_buf *out,
	       struct wa_err *err)
{
	if (ref.len == 0 || ref.len >= sizeof(((struct wa_qr *)0)->ref) || !wa_utf8_valid(ref) ||
	    memchr(ref.ptr, ',', ref.len) || memchr(ref.ptr, 0, ref.len))
		return wa_err_set(err, WA_EPROTO, "reference of %zu bytes is not usable", ref.len);
	wa_buf_str(out, QR_PREFIX);
	wa_buf_span(out, ref);
	wa_buf_u8(out, ',');
	wa_b64_put(out, wa_span(d->noise.pub.b, 32), WA_B64_STD);
	wa_buf_u8(out, ',');
	wa_b64_put(out, wa_span(d->identity.pub.b, 32), WA_B64_STD);
	wa_buf_u8(out, ',');
	wa_b64_put(out, wa_span(d->adv_secret.b, 32), WA_B64_STD);
	wa_buf_u8(out, ',');
	wa_buf_u8(out, (uint8_t)client_type);
	return wa_buf_end(out, err);
}

/* Split at commas; the number of fields, or more than `max`. */
static size_t split(struct wa_span text, struct wa_span *fields, size_t max)
{
	size_t n = 0, start = 0;

	for (size_t i = 0; i <= text.len; i++) {
		if (i < text.len && text.ptr[i] != ',')
			continue;
		if (n == max)
			return max + 1;
		fields[n++] = wa_span(text.ptr + start, i - start);
		start = i + 1;
	}
	return n;
}

int wa_qr_parse(struct wa_span text, struct wa_qr *ret_qr, struct wa_err *err)
{
	struct wa_span f[QR_FIELDS];
	struct wa_qr qr = { 0 };
	size_t n;

	if (text.len == 0 || text.len > QR_TEXT_MAX)
		return wa_err_set(err, WA_EINVALID, "QR text of %zu bytes", text.len);
	if (wa_span_starts(text, QR_PREFIX))
		text = wa_span(text.ptr + strlen(QR_PREFIX), text.len - strlen(QR_PREFIX));
	n = split(text, f, QR_FIELDS);
	if ((n != QR_FIELDS && n != QR_FIELDS - 1) || f[0].len == 0 || f[0].len >= sizeof(qr.ref) ||
	    memchr(f[0].ptr, 0, f[0].len))
		return wa_err_set(err, WA_EINVALID, "not the text of a linking QR code");
	if (n == QR_FIELDS && f[4].len != 1)
		return wa_err_set(err, WA_EINVALID, "client type of %zu bytes", f[4].len);
	if (wa_b64_decode_fixed(f[1], WA_B64_STD, qr.noise.b, 32) ||
	    wa_b64_decode_fixed(f[2], WA_B64_STD, qr.identity.b, 32) ||
	    wa_b64_decode_fixed(f[3], WA_B64_STD, qr.adv_secret.b, 32))
		return wa_err_set(err, WA_EINVALID, "a key in the QR text is not 32 bytes");
	memcpy(qr.ref, f[0].ptr, f[0].len);
	qr.client_type = n == QR_FIELDS ? (char)f[4].ptr[0] : '0';
	*ret_qr = qr;
	wa_wipe(&qr, sizeof(qr));
	return 0;
}
