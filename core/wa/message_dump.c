/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any Message as JSON without knowing its schema: names where they are known,
 * numbers where not. What bytes are is guessed: text if it reads as text, a
 * message if it reads as one, else base64; nothing is lost whichever it is.
 */
#include "json_text.h"
#include "message_kinds.h"
#include "message_schema.h"
#include "pb.h"

#include <base.h>
#include <text.h>

#include <inttypes.h>
#include <stdlib.h>

#define DEPTH_MAX    16
#define FIELDS_MAX   16384		/* of one message; what has more is bytes */
#define EXACT_MAX    (1ULL << 53)	/* integers every JSON reader keeps */

/* Messages whose fields have names here: those that are shown in no other form. */
enum inside {
	IN_UNKNOWN,
	IN_MESSAGE,
	IN_KEY,
	IN_CONTEXT,
	IN_MESSAGE_CONTEXT,
	IN_MONEY,
	IN_PAYMENT_BACKGROUND,
	IN_MEDIA_DATA,
	IN_SEND_PAYMENT,
	IN_REQUEST_PAYMENT,
	IN_DECLINE_PAYMENT_REQUEST,
	IN_CANCEL_PAYMENT_REQUEST,
	IN_INVOICE,
	IN_PAYMENT_INVITE,
	IN_CALL_LOG,
	IN_CALL_PARTICIPANT,
	IN_STICKER_PACK,
	IN_STICKER,
	IN_EXTENDED_TEXT,
	IN_FUTURE_PROOF,
	IN_DEVICE_SENT,
};

static const struct name {
	uint8_t in;	/* enum inside */
	uint8_t number;
	uint8_t is;	/* what its value is; IN_UNKNOWN: guess */
	const char *name;
} names[] = {	/* sorted */
	{ IN_MESSAGE, 6, IN_EXTENDED_TEXT, NULL },
	{ IN_MESSAGE, 16, IN_SEND_PAYMENT, NULL },
	{ IN_MESSAGE, 22, IN_REQUEST_PAYMENT, NULL },
	{ IN_MESSAGE, 23, IN_DECLINE_PAYMENT_REQUEST, NULL },
	{ IN_MESSAGE, 24, IN_CANCEL_PAYMENT_REQUEST, NULL },
	{ IN_MESSAGE, 31, IN_DEVICE_SENT, NULL },
	{ IN_MESSAGE, 35, IN_MESSAGE_CONTEXT, NULL },
	{ IN_MESSAGE, 37, IN_FUTURE_PROOF, NULL },
	{ IN_MESSAGE, 40, IN_FUTURE_PROOF, NULL },
	{ IN_MESSAGE, 41, IN_INVOICE, NULL },
	{ IN_MESSAGE, 44, IN_PAYMENT_INVITE, NULL },
	{ IN_MESSAGE, 53, IN_FUTURE_PROOF, NULL },
	{ IN_MESSAGE, 55, IN_FUTURE_PROOF, NULL },
	{ IN_MESSAGE, 58, IN_FUTURE_PROOF, NULL },
	{ IN_MESSAGE, 59, IN_FUTURE_PROOF, NULL },
	{ IN_MESSAGE, 62, IN_FUTURE_PROOF, NULL },
	{ IN_MESSAGE, 67, IN_FUTURE_PROOF, NULL },
	{ IN_MESSAGE, 69, IN_CALL_LOG, NULL },
	{ IN_MESSAGE, 74, IN_FUTURE_PROOF, NULL },
	{ IN_MESSAGE, 85, IN_FUTURE_PROOF, NULL },
	{ IN_MESSAGE, 86, IN_STICKER_PACK, NULL },
	{ IN_MESSAGE, 87, IN_FUTURE_PROOF, NULL },
	{ IN_MESSAGE, 90, IN_FUTURE_PROOF, NULL },
	{ IN_MESSAGE, 91, IN_FUTURE_PROOF, NULL },
	{ IN_MESSAGE, 92, IN_FUTURE_PROOF, NULL },
	{ IN_MESSAGE, 93, IN_FUTURE_PROOF, NULL },
	{ IN_MESSAGE, 95, IN_FUTURE_PROOF, NULL },
	{ IN_MESSAGE, 96, IN_FUTURE_PROOF, NULL },
	{ IN_MESSAGE, 99, IN_FUTURE_PROOF, NULL },
	{ IN_MESSAGE, 100, IN_FUTURE_PROOF, NULL },
	{ IN_MESSAGE, 101, IN_FUTURE_PROOF, NULL },
	{ IN_MESSAGE, 103, IN_FUTURE_PROOF, NULL },
	{ IN_MESSAGE, 104, IN_FUTURE_PROOF, NULL },
	{ IN_MESSAGE, 106, IN_FUTURE_PROOF, NULL },
	{ IN_KEY, 1, IN_UNKNOWN, "remoteJid" },
	{ IN_KEY, 2, IN_UNKNOWN, "fromMe" },
	{ IN_KEY, 3, IN_UNKNOWN, "id" },
	{ IN_KEY, 4, IN_UNKNOWN, "participant" },
	{ IN_CONTEXT, 1, IN_UNKNOWN, "stanzaId" },
	{ IN_CONTEXT, 2, IN_UNKNOWN, "participant" },
	{ IN_CONTEXT, 3, IN_MESSAGE, "quotedMessage" },
	{ IN_CONTEXT, 4, IN_UNKNOWN, "remoteJid" },
	{ IN_CONTEXT, 15, IN_UNKNOWN, "mentionedJid" },
	{ IN_CONTEXT, 18, IN_UNKNOWN, "conversionSource" },
	{ IN_CONTEXT, 19, IN_UNKNOWN, "conversionData" },
	{ IN_CONTEXT, 20, IN_UNKNOWN, "conversionDelaySeconds" },
	{ IN_CONTEXT, 21, IN_UNKNOWN, "forwardingScore" },
	{ IN_CONTEXT, 22, IN_UNKNOWN, "isForwarded" },
	{ IN_CONTEXT, 23, IN_UNKNOWN, "quotedAd" },
	{ IN_CONTEXT, 24, IN_KEY, "placeholderKey" },
	{ IN_CONTEXT, 25, IN_UNKNOWN, "expiration" },
	{ IN_CONTEXT, 26, IN_UNKNOWN, "ephemeralSettingTimestamp" },
	{ IN_CONTEXT, 27, IN_UNKNOWN, "ephemeralSharedSecret" },
	{ IN_CONTEXT, 28, IN_UNKNOWN, "externalAdReply" },
	{ IN_CONTEXT, 29, IN_UNKNOWN, "entryPointConversionSource" },
	{ IN_CONTEXT, 30, IN_UNKNOWN, "entryPointConversionApp" },
	{ IN_CONTEXT, 31, IN_UNKNOWN, "entryPointConversionDelaySeconds" },
	{ IN_CONTEXT, 32, IN_UNKNOWN, "disappearingMode" },
	{ IN_CONTEXT, 33, IN_UNKNOWN, "actionLink" },
	{ IN_CONTEXT, 34, IN_UNKNOWN, "groupSubject" },
	{ IN_CONTEXT, 35, IN_UNKNOWN, "parentGroupJid" },
	{ IN_CONTEXT, 37, IN_UNKNOWN, "trustBannerType" },
	{ IN_CONTEXT, 38, IN_UNKNOWN, "trustBannerAction" },
	{ IN_CONTEXT, 39, IN_UNKNOWN, "isSampled" },
	{ IN_CONTEXT, 40, IN_UNKNOWN, "groupMentions" },
	{ IN_CONTEXT, 41, IN_UNKNOWN, "utm" },
	{ IN_CONTEXT, 43, IN_UNKNOWN, "forwardedNewsletterMessageInfo" },
	{ IN_CONTEXT, 44, IN_UNKNOWN, "businessMessageForwardInfo" },
	{ IN_CONTEXT, 45, IN_UNKNOWN, "smbClientCampaignId" },
	{ IN_CONTEXT, 46, IN_UNKNOWN, "smbServerCampaignId" },
	{ IN_CONTEXT, 47, IN_UNKNOWN, "dataSharingContext" },
	{ IN_CONTEXT, 48, IN_UNKNOWN, "alwaysShowAdAttribution" },
	{ IN_CONTEXT, 49, IN_UNKNOWN, "featureEligibilities" },
	{ IN_CONTEXT, 50, IN_UNKNOWN, "entryPointConversionExternalSource" },
	{ IN_CONTEXT, 51, IN_UNKNOWN, "entryPointConversionExternalMedium" },
	{ IN_CONTEXT, 54, IN_UNKNOWN, "ctwaSignals" },
	{ IN_CONTEXT, 55, IN_UNKNOWN, "ctwaPayload" },
	{ IN_CONTEXT, 56, IN_UNKNOWN, "forwardedAiBotMessageInfo" },
	{ IN_CONTEXT, 57, IN_UNKNOWN, "statusAttributionType" },
	{ IN_CONTEXT, 58, IN_UNKNOWN, "urlTrackingMap" },
	{ IN_CONTEXT, 59, IN_UNKNOWN, "pairedMediaType" },
	{ IN_CONTEXT, 60, IN_UNKNOWN, "rankingVersion" },
	{ IN_CONTEXT, 62, IN_UNKNOWN, "memberLabel" },
	{ IN_CONTEXT, 63, IN_UNKNOWN, "isQuestion" },
	{ IN_CONTEXT, 64, IN_UNKNOWN, "statusSourceType" },
	{ IN_CONTEXT, 65, IN_UNKNOWN, "statusAttributions" },
	{ IN_CONTEXT, 66, IN_UNKNOWN, "isGroupStatus" },
	{ IN_CONTEXT, 67, IN_UNKNOWN, "forwardOrigin" },
	{ IN_CONTEXT, 68, IN_UNKNOWN, "questionReplyQuotedMessage" },
	{ IN_CONTEXT, 69, IN_UNKNOWN, "statusAudienceMetadata" },
	{ IN_CONTEXT, 70, IN_UNKNOWN, "nonJidMentions" },
	{ IN_CONTEXT, 71, IN_UNKNOWN, "quotedType" },
	{ IN_CONTEXT, 72, IN_UNKNOWN, "botMessageSharingInfo" },
	{ IN_MESSAGE_CONTEXT, 1, IN_UNKNOWN, "deviceListMetadata" },
	{ IN_MESSAGE_CONTEXT, 2, IN_UNKNOWN, "deviceListMetadataVersion" },
	{ IN_MESSAGE_CONTEXT, 3, IN_UNKNOWN, "messageSecret" },
	{ IN_MESSAGE_CONTEXT, 4, IN_UNKNOWN, "paddingBytes" },
	{ IN_MESSAGE_CONTEXT, 5, IN_UNKNOWN, "messageAddOnDurationInSecs" },
	{ IN_MESSAGE_CONTEXT, 6, IN_UNKNOWN, "botMessageSecret" },
	{ IN_MESSAGE_CONTEXT, 7, IN_UNKNOWN, "botMetadata" },
	{ IN_MESSAGE_CONTEXT, 8, IN_UNKNOWN, "reportingTokenVersion" },
	{ IN_MESSAGE_CONTEXT, 9, IN_UNKNOWN, "messageAddOnExpiryType" },
	{ IN_MESSAGE_CONTEXT, 10, IN_UNKNOWN, "messageAssociation" },
	{ IN_MESSAGE_CONTEXT, 11, IN_UNKNOWN, "capiCreatedGroup" },
	{ IN_MESSAGE_CONTEXT, 12, IN_UNKNOWN, "supportPayload" },
	{ IN_MESSAGE_CONTEXT, 13, IN_UNKNOWN, "limitSharing" },
	{ IN_MESSAGE_CONTEXT, 14, IN_UNKNOWN, "limitSharingV2" },
	{ IN_MESSAGE_CONTEXT, 15, IN_UNKNOWN, "threadId" },
	{ IN_MESSAGE_CONTEXT, 16, IN_UNKNOWN, "weblinkRenderConfig" },
	{ IN_MONEY, 1, IN_UNKNOWN, "value" },
	{ IN_MONEY, 2, IN_UNKNOWN, "offset" },
	{ IN_MONEY, 3, IN_UNKNOWN, "currencyCode" },
	{ IN_PAYMENT_BACKGROUND, 1, IN_UNKNOWN, "id" },
	{ IN_PAYMENT_BACKGROUND, 2, IN_UNKNOWN, "fileLength" },
	{ IN_PAYMENT_BACKGROUND, 3, IN_UNKNOWN, "width" },
	{ IN_PAYMENT_BACKGROUND, 4, IN_UNKNOWN, "height" },
	{ IN_PAYMENT_BACKGROUND, 5, IN_UNKNOWN, "mimetype" },
	{ IN_PAYMENT_BACKGROUND, 6, IN_UNKNOWN, "placeholderArgb" },
	{ IN_PAYMENT_BACKGROUND, 7, IN_UNKNOWN, "textArgb" },
	{ IN_PAYMENT_BACKGROUND, 8, IN_UNKNOWN, "subtextArgb" },
	{ IN_PAYMENT_BACKGROUND, 9, IN_MEDIA_DATA, "mediaData" },
	{ IN_PAYMENT_BACKGROUND, 10, IN_UNKNOWN, "type" },
	{ IN_MEDIA_DATA, 1, IN_UNKNOWN, "mediaKey" },
	{ IN_MEDIA_DATA, 2, IN_UNKNOWN, "mediaKeyTimestamp" },
	{ IN_MEDIA_DATA, 3, IN_UNKNOWN, "fileSha256" },
	{ IN_MEDIA_DATA, 4, IN_UNKNOWN, "fileEncSha256" },
	{ IN_MEDIA_DATA, 5, IN_UNKNOWN, "directPath" },
	{ IN_SEND_PAYMENT, 2, IN_MESSAGE, "noteMessage" },
	{ IN_SEND_PAYMENT, 3, IN_KEY, "requestMessageKey" },
	{ IN_SEND_PAYMENT, 4, IN_PAYMENT_BACKGROUND, "background" },
	{ IN_SEND_PAYMENT, 5, IN_UNKNOWN, "transactionData" },
	{ IN_REQUEST_PAYMENT, 1, IN_UNKNOWN, "currencyCodeIso4217" },
	{ IN_REQUEST_PAYMENT, 2, IN_UNKNOWN, "amount1000" },
	{ IN_REQUEST_PAYMENT, 3, IN_UNKNOWN, "requestFrom" },
	{ IN_REQUEST_PAYMENT, 4, IN_MESSAGE, "noteMessage" },
	{ IN_REQUEST_PAYMENT, 5, IN_UNKNOWN, "expiryTimestamp" },
	{ IN_REQUEST_PAYMENT, 6, IN_MONEY, "amount" },
	{ IN_REQUEST_PAYMENT, 7, IN_PAYMENT_BACKGROUND, "background" },
	{ IN_DECLINE_PAYMENT_REQUEST, 1, IN_KEY, "key" },
	{ IN_CANCEL_PAYMENT_REQUEST, 1, IN_KEY, "key" },
	{ IN_INVOICE, 1, IN_UNKNOWN, "note" },
	{ IN_INVOICE, 2, IN_UNKNOWN, "token" },
	{ IN_INVOICE, 3, IN_UNKNOWN, "attachmentType" },
	{ IN_INVOICE, 4, IN_UNKNOWN, "attachmentMimetype" },
	{ IN_INVOICE, 5, IN_UNKNOWN, "attachmentMediaKey" },
	{ IN_INVOICE, 6, IN_UNKNOWN, "attachmentMediaKeyTimestamp" },
	{ IN_INVOICE, 7, IN_UNKNOWN, "attachmentFileSha256" },
	{ IN_INVOICE, 8, IN_UNKNOWN, "attachmentFileEncSha256" },
	{ IN_INVOICE, 9, IN_UNKNOWN, "attachmentDirectPath" },
	{ IN_INVOICE, 10, IN_UNKNOWN, "attachmentJpegThumbnail" },
	{ IN_PAYMENT_INVITE, 1, IN_UNKNOWN, "serviceType" },
	{ IN_PAYMENT_INVITE, 2, IN_UNKNOWN, "expiryTimestamp" },
	{ IN_CALL_LOG, 1, IN_UNKNOWN, "isVideo" },
	{ IN_CALL_LOG, 2, IN_UNKNOWN, "callOutcome" },
	{ IN_CALL_LOG, 3, IN_UNKNOWN, "durationSecs" },
	{ IN_CALL_LOG, 4, IN_UNKNOWN, "callType" },
	{ IN_CALL_LOG, 5, IN_CALL_PARTICIPANT, "participants" },
	{ IN_CALL_PARTICIPANT, 1, IN_UNKNOWN, "jid" },
	{ IN_CALL_PARTICIPANT, 2, IN_UNKNOWN, "callOutcome" },
	{ IN_STICKER_PACK, 1, IN_UNKNOWN, "stickerPackId" },
	{ IN_STICKER_PACK, 2, IN_UNKNOWN, "name" },
	{ IN_STICKER_PACK, 3, IN_UNKNOWN, "publisher" },
	{ IN_STICKER_PACK, 4, IN_STICKER, "stickers" },
	{ IN_STICKER_PACK, 5, IN_UNKNOWN, "fileLength" },
	{ IN_STICKER_PACK, 6, IN_UNKNOWN, "fileSha256" },
	{ IN_STICKER_PACK, 7, IN_UNKNOWN, "fileEncSha256" },
	{ IN_STICKER_PACK, 8, IN_UNKNOWN, "mediaKey" },
	{ IN_STICKER_PACK, 9, IN_UNKNOWN, "directPath" },
	{ IN_STICKER_PACK, 10, IN_UNKNOWN, "caption" },
	{ IN_STICKER_PACK, 11, IN_CONTEXT, "contextInfo" },
	{ IN_STICKER_PACK, 12, IN_UNKNOWN, "packDescription" },
	{ IN_STICKER_PACK, 13, IN_UNKNOWN, "mediaKeyTimestamp" },
	{ IN_STICKER_PACK, 14, IN_UNKNOWN, "trayIconFileName" },
	{ IN_STICKER_PACK, 15, IN_UNKNOWN, "thumbnailDirectPath" },
	{ IN_STICKER_PACK, 16, IN_UNKNOWN, "thumbnailSha256" },
	{ IN_STICKER_PACK, 17, IN_UNKNOWN, "thumbnailEncSha256" },
	{ IN_STICKER_PACK, 18, IN_UNKNOWN, "thumbnailHeight" },
	{ IN_STICKER_PACK, 19, IN_UNKNOWN, "thumbnailWidth" },
	{ IN_STICKER_PACK, 20, IN_UNKNOWN, "imageDataHash" },
	{ IN_STICKER_PACK, 21, IN_UNKNOWN, "stickerPackSize" },
	{ IN_STICKER_PACK, 22, IN_UNKNOWN, "stickerPackOrigin" },
	{ IN_STICKER, 1, IN_UNKNOWN, "fileName" },
	{ IN_STICKER, 2, IN_UNKNOWN, "isAnimated" },
	{ IN_STICKER, 3, IN_UNKNOWN, "emojis" },
	{ IN_STICKER, 4, IN_UNKNOWN, "accessibilityLabel" },
	{ IN_STICKER, 5, IN_UNKNOWN, "isLottie" },
	{ IN_STICKER, 6, IN_UNKNOWN, "mimetype" },
	{ IN_EXTENDED_TEXT, 1, IN_UNKNOWN, "text" },
	{ IN_EXTENDED_TEXT, 2, IN_UNKNOWN, "matchedText" },
	{ IN_EXTENDED_TEXT, 5, IN_UNKNOWN, "description" },
	{ IN_EXTENDED_TEXT, 6, IN_UNKNOWN, "title" },
	{ IN_EXTENDED_TEXT, 7, IN_UNKNOWN, "textArgb" },
	{ IN_EXTENDED_TEXT, 8, IN_UNKNOWN, "backgroundArgb" },
	{ IN_EXTENDED_TEXT, 9, IN_UNKNOWN, "font" },
	{ IN_EXTENDED_TEXT, 10, IN_UNKNOWN, "previewType" },
	{ IN_EXTENDED_TEXT, 16, IN_UNKNOWN, "jpegThumbnail" },
	{ IN_EXTENDED_TEXT, 17, IN_CONTEXT, "contextInfo" },
	{ IN_EXTENDED_TEXT, 18, IN_UNKNOWN, "doNotPlayInline" },
	{ IN_EXTENDED_TEXT, 19, IN_UNKNOWN, "thumbnailDirectPath" },
	{ IN_EXTENDED_TEXT, 20, IN_UNKNOWN, "thumbnailSha256" },
	{ IN_EXTENDED_TEXT, 21, IN_UNKNOWN, "thumbnailEncSha256" },
	{ IN_EXTENDED_TEXT, 22, IN_UNKNOWN, "mediaKey" },
	{ IN_EXTENDED_TEXT, 23, IN_UNKNOWN, "mediaKeyTimestamp" },
	{ IN_EXTENDED_TEXT, 24, IN_UNKNOWN, "thumbnailHeight" },
	{ IN_EXTENDED_TEXT, 25, IN_UNKNOWN, "thumbnailWidth" },
	{ IN_EXTENDED_TEXT, 26, IN_UNKNOWN, "inviteLinkGroupType" },
	{ IN_EXTENDED_TEXT, 27, IN_UNKNOWN, "inviteLinkParentGroupSubjectV2" },
	{ IN_EXTENDED_TEXT, 28, IN_UNKNOWN, "inviteLinkParentGroupThumbnailV2" },
	{ IN_EXTENDED_TEXT, 29, IN_UNKNOWN, "inviteLinkGroupTypeV2" },
	{ IN_EXTENDED_TEXT, 30, IN_UNKNOWN, "viewOnce" },
	{ IN_EXTENDED_TEXT, 31, IN_UNKNOWN, "videoHeight" },
	{ IN_EXTENDED_TEXT, 32, IN_UNKNOWN, "videoWidth" },
	{ IN_EXTENDED_TEXT, 33, IN_UNKNOWN, "faviconMMSMetadata" },
	{ IN_EXTENDED_TEXT, 34, IN_UNKNOWN, "linkPreviewMetadata" },
	{ IN_EXTENDED_TEXT, 35, IN_UNKNOWN, "paymentLinkMetadata" },
	{ IN_EXTENDED_TEXT, 36, IN_UNKNOWN, "endCardTiles" },
	{ IN_EXTENDED_TEXT, 37, IN_UNKNOWN, "videoContentUrl" },
	{ IN_EXTENDED_TEXT, 38, IN_UNKNOWN, "musicMetadata" },
	{ IN_EXTENDED_TEXT, 39, IN_UNKNOWN, "paymentExtendedMetadata" },
	{ IN_FUTURE_PROOF, 1, IN_MESSAGE, "message" },
	{ IN_DEVICE_SENT, 1, IN_UNKNOWN, "destinationJid" },
	{ IN_DEVICE_SENT, 2, IN_MESSAGE, "message" },
	{ IN_DEVICE_SENT, 3, IN_UNKNOWN, "phash" },
};

struct field {
	struct wa_pb_field f;
	size_t order;
};

static int by_place(const void *a, const void *b)
{
	const struct name *x = a, *y = b;

	if (x->in != y->in)
		return x->in < y->in ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

static const struct name *find_name(enum inside in, uint32_t number)
{
	const struct name key = { .in = (uint8_t)in, .number = (uint8_t)number };

	if (in == IN_UNKNOWN || number > UINT8_MAX)
		return NULL;
	return bsearch(&key, names, WA_ARRAY_LEN(names), sizeof(names[0]), by_place);
}

/* ---- what bytes are ---- */

static bool reads_as_text(struct wa_span s)
{
	if (!wa_utf8_valid(s))
		return false;
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.ptr[i];

		if ((c < 0x20 && c != '\n' && c != '\r' && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

static bool reads_as_message(struct wa_span s)
{
	struct wa_pb_field f;
	size_t n = 0;
	int rc;

	while ((rc = wa_pb_next(&s, &f)) == 1)
		if (++n > FIELDS_MAX)
			return false;
	return rc == 0;
}

/* ---- JSON ---- */

static int by_number(const void *a, const void *b)
{
	const struct field *x = a, *y = b;

	if (x->f.number != y->f.number)
		return x->f.number < y->f.number ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

static int dump(struct wa_span bytes, enum inside in, unsigned depth, struct wa_buf *out);

static uint64_t fixed(struct wa_span s)
{
	uint64_t v = 0;

	for (size_t i = 0; i < s.len && i < 8; i++)
		v |= (uint64_t)s.ptr[i] << (8 * i);
	return v;
}

static int put_value(const struct wa_pb_field *f, enum inside is, unsigned depth,
		     struct wa_buf *out)
{
	bool message = is != IN_UNKNOWN && depth + 1 < DEPTH_MAX && reads_as_message(f->bytes);

	switch (f->wire) {
	case 0:
		wa_buf_fmt(out, f->varint <= EXACT_MAX ? "%" PRIu64 : "{\"varint\":\"%" PRIu64 "\"}",
			   f->varint);
		return 0;
	case 1:
		wa_buf_fmt(out, "{\"fixed64\":\"%" PRIu64 "\"}", fixed(f->bytes));
		return 0;
	case 5:
		wa_buf_fmt(out, "{\"fixed32\":%" PRIu64 "}", fixed(f->bytes));
		return 0;
	default:
		break;
	}
	if (!message && reads_as_text(f->bytes)) {
		wa_json_put(out, f->bytes);
		return 0;
	}
	if (message || (depth + 1 < DEPTH_MAX && reads_as_message(f->bytes)))
		return dump(f->bytes, is, depth + 1, out);
	wa_buf_str(out, "{\"base64\":\"");
	wa_b64_put(out, f->bytes, WA_B64_STD);
	wa_buf_str(out, "\"}");
	return 0;
}

static void put_name(enum inside in, uint32_t number, struct wa_buf *out)
{
	const struct name *n = find_name(in, number);
	const struct wa_message_field *top = in == IN_MESSAGE ? wa_message_field(number) : NULL;
	const char *text = top ? top->name : n ? n->name : NULL;

	if (text)
		wa_buf_fmt(out, "\"%s\":", text);
	else
		wa_buf_fmt(out, "\"#%" PRIu32 "\":", number);
}

static int put_fields(const struct field *fields, size_t n, enum inside in, unsigned depth,
		      struct wa_buf *out)
{
	int rc = 0;

	wa_buf_u8(out, '{');
	for (size_t i = 0; i < n && rc == 0 && !out->failed;) {
		const struct name *known = find_name(in, fields[i].f.number);
		size_t last = i;

		while (last + 1 < n && fields[last + 1].f.number == fields[i].f.number)
			last++;
		if (i)
			wa_buf_u8(out, ',');
		put_name(in, fields[i].f.number, out);
		if (last > i)
			wa_buf_u8(out, '[');
		for (size_t j = i; j <= last && rc == 0; j++) {
			if (j > i)
				wa_buf_u8(out, ',');
			rc = put_value(&fields[j].f, known ? known->is : IN_UNKNOWN, depth, out);
		}
		if (last > i)
			wa_buf_u8(out, ']');
		i = last + 1;
	}
	wa_buf_u8(out, '}');
	return rc;
}

static int dump(struct wa_span bytes, enum inside in, unsigned depth, struct wa_buf *out)
{
	struct wa_span at = bytes;
	struct wa_pb_field f;
	struct field *fields;
	size_t n = 0;
	int rc;

	while ((rc = wa_pb_next(&at, &f)) == 1)
		n++;
	if (rc < 0 || n > FIELDS_MAX)
		return rc < 0 ? rc : WA_ELIMIT;
	fields = calloc(n ? n : 1, sizeof(*fields));
	if (!fields)
		return WA_ENOMEM;
	for (size_t i = 0; i < n && wa_pb_next(&bytes, &fields[i].f) == 1; i++)
		fields[i].order = i;
	qsort(fields, n, sizeof(*fields), by_number);
	rc = put_fields(fields, n, in, depth, out);
	free(fields);
	return rc;
}

int wa_message_dump(struct wa_span raw, struct wa_buf *out_json, struct wa_err *err)
{
	int rc = dump(raw, IN_MESSAGE, 0, out_json);

	if (rc)
		return wa_err_set(err, rc, rc == WA_EPROTO ? "message is malformed"
							   : "message is too large to be shown");
	return wa_buf_end(out_json, err);
}
