/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "message_kinds.h"

#include <base.h>

static const struct wa_message_field fields[] = {
	{ 10, false, "call" },
	{ 11, false, "chat" },
	{ 13, true, "contactsArrayMessage" },
	{ 14, true, "highlyStructuredMessage" },
	{ 15, false, "fastRatchetKeySenderKeyDistributionMessage" },
	{ 16, true, "sendPaymentMessage" },
	{ 18, true, "liveLocationMessage" },
	{ 22, true, "requestPaymentMessage" },
	{ 23, true, "declinePaymentRequestMessage" },
	{ 24, true, "cancelPaymentRequestMessage" },
	{ 25, true, "templateMessage" },
	{ 28, true, "groupInviteMessage" },
	{ 30, true, "productMessage" },
	{ 36, true, "listMessage" },
	{ 38, true, "orderMessage" },
	{ 41, true, "invoiceMessage" },
	{ 42, true, "buttonsMessage" },
	{ 44, true, "paymentInviteMessage" },
	{ 45, true, "interactiveMessage" },
	{ 47, false, "stickerSyncRmrMessage" },
	{ 48, true, "interactiveResponseMessage" },
	{ 50, true, "pollUpdateMessage" },
	{ 51, true, "keepInChatMessage" },
	{ 54, true, "requestPhoneNumberMessage" },
	{ 56, true, "encReactionMessage" },
	{ 61, true, "scheduledCallCreationMessage" },
	{ 63, true, "pinInChatMessage" },
	{ 65, false, "scheduledCallEditMessage" },
	{ 69, false, "callLogMesssage" },
	{ 70, false, "messageHistoryBundle" },
	{ 71, true, "encCommentMessage" },
	{ 72, false, "bcallMessage" },
	{ 76, true, "encEventResponseMessage" },
	{ 77, true, "commentMessage" },
	{ 78, true, "newsletterAdminInviteMessage" },
	{ 80, false, "placeholderMessage" },
	{ 82, true, "secretEncryptedMessage" },
	{ 83, true, "albumMessage" },
	{ 85, false, "eventCoverImage" },
	{ 86, true, "stickerPackMessage" },
	{ 87, false, "statusMentionMessage" },
	{ 88, true, "pollResultSnapshotMessage" },
	{ 90, false, "pollCreationOptionImageMessage" },
	{ 92, false, "groupStatusMentionMessage" },
	{ 93, true, "pollCreationMessageV4" },
	{ 95, true, "statusAddYours" },
	{ 96, true, "groupStatusMessage" },
	{ 97, true, "richResponseMessage" },
	{ 98, false, "statusNotificationMessage" },
	{ 99, false, "limitSharingMessage" },
	{ 100, false, "botTaskMessage" },
	{ 101, true, "questionMessage" },
	{ 102, false, "messageHistoryNotice" },
	{ 103, true, "groupStatusMessageV2" },
	{ 104, true, "botForwardedMessage" },
	{ 105, true, "statusQuestionAnswerMessage" },
	{ 106, true, "questionReplyMessage" },
	{ 107, true, "questionResponseMessage" },
	{ 109, true, "statusQuotedMessage" },
	{ 110, true, "statusStickerInteractionMessage" },
	{ 111, true, "pollCreationMessageV5" },
	{ 113, true, "newsletterFollowerInviteMessageV2" },
	{ 114, true, "pollResultSnapshotMessageV3" },
};

const struct wa_message_field *wa_message_field(uint32_t number)
{
	for (size_t i = 0; i < WA_ARRAY_LEN(fields); i++)
		if (fields[i].number == number)
			return &fields[i];
	return NULL;
}
