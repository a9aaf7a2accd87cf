/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "answer.h"

#include "match.h"

#define PHRASE_WORDS_MAX 4
#define WORDS_MAX 12

/* All phrases are folded (match.h) and separated by '|'. */
struct vocabulary {
	const char *language;	/* "" : everywhere */
	const char *yes, *no, *fillers;
};

static const struct vocabulary vocabularies[] = {
	{ "", "1|✅|👍|👌|✔|☑|🆗|💯", "2|❌|👎|🚫|✖|⛔|🛑", "🙏|😊|🙂|🌹|❤" },
	{ "en",
	  "yes|y|yep|yeah|yup|yea|ok|okay|okey|sure|confirm|confirmed|i confirm|agreed|go ahead|accept|"
	  "i accept|yes confirm|confirm order|confirm my order|confirm the order|confirm it|of course",
	  "no|n|nope|cancel|cancelled|canceled|cancel order|cancel my order|cancel the order|cancel it|"
	  "i cancel|dont send|do not send|dont want it|i dont want it|decline|reject|no cancel",
	  "please|pls|plz|thanks|thank you|thx|sir|madam|hi|hello|dear" },
	{ "ar",
	  "نعم|ايوه|ايوا|ايه|اي نعم|اه|تمام|اوك|اوكي|اكد|اوكد|تاكيد|تاكيد الطلب|اكد الطلب|تم التاكيد|موافق|"
	  "موافقه|صح|صحيح|اكيد|ماشي|يس|بلي|واخا|طبعا|موكد",
	  "لا|كلا|الغاء|الغي|الغ|الغوا|الغيه|الغوه|الغاء الطلب|الغي الطلب|الغوا الطلب|ارفض|رفض|مش عايز|"
	  "ما ابغي|ما ابغاه|ما اريد|لا اريد|لا اريده|كنسل|كنسل الطلب|غير موافق|مو موافق|لا شكرا",
	  "شكرا|من فضلك|لو سمحت|يا|اخي|حبيبي|يعطيك العافيه|جزاك الله خيرا|السلام عليكم|مرحبا" },
	{ "es",
	  "si|s|claro|confirmo|confirmar|confirmado|confirmada|confirma|de acuerdo|vale|correcto|por supuesto|"
	  "acepto|dale|si confirmo|confirmo mi pedido|ok",
	  "no|cancelar|cancela|cancelo|cancelado|cancelen|anular|anulo|rechazo|no quiero|no lo quiero|"
	  "cancelar pedido|cancelar mi pedido|cancelar el pedido",
	  "gracias|por favor|muchas gracias|hola|buenos dias|buenas tardes" },
	{ "pt",
	  "sim|s|confirmo|confirmar|confirmado|confirmada|confirma|claro|certo|isso|aceito|ok|pode enviar|"
	  "sim confirmo|com certeza|confirmo o pedido",
	  "nao|n|cancelar|cancela|cancelo|cancelado|cancele|nao quero|nao quero mais|recuso|cancelar pedido|"
	  "cancelar o pedido|cancelar meu pedido",
	  "obrigado|obrigada|por favor|muito obrigado|muito obrigada|oi|ola|bom dia|boa tarde" },
	{ "id",
	  "ya|iya|y|yes|oke|ok|okay|betul|benar|setuju|konfirmasi|lanjut|lanjutkan|siap|ya konfirmasi|"
	  "ya benar|saya konfirmasi|jadi",
	  "tidak|tdk|gak|ga|nggak|ngga|enggak|batal|batalkan|cancel|tolak|tidak jadi|gak jadi|ga jadi|"
	  "batalkan pesanan|tidak mau",
	  "terima kasih|makasih|tolong|kak|pak|bu|mas|mba|mbak|min|halo" },
	{ "ms", "ya|ok|setuju|betul|sahkan", "tidak|tak|tak nak|batal|batalkan", "terima kasih|tolong" },
	{ "fr",
	  "oui|o|ouais|ok|daccord|je confirme|confirme|confirmer|bien sur|cest bon|oui je confirme|"
	  "je valide|valider|confirmer ma commande",
	  "non|n|annuler|annule|jannule|annulez|annulation|refuser|je refuse|non merci|"
	  "annuler la commande|annuler ma commande",
	  "merci|svp|stp|sil vous plait|sil te plait|bonjour|merci beaucoup" },
	{ "de", "ja|j|jawohl|bestatigen|bestatige|bestatigt|ich bestatige|einverstanden|ok",
	  "nein|n|stornieren|abbrechen|storno|storniere", "danke|bitte|hallo" },
	{ "it", "si|s|confermo|conferma|confermato|va bene|certo|ok", "no|annulla|annullo|annullare",
	  "grazie|per favore|ciao" },
	{ "tr", "evet|e|onayliyorum|onayla|onay|tamam|olur|onaylandi", "hayir|h|iptal|iptal et|iptal edin|istemiyorum",
	  "lutfen|tesekkurler|merhaba" },
	{ "ru", "да|подтверждаю|ок|хорошо|согласен|согласна", "нет|отмена|отменить|отмените|отменяю|не надо",
	  "спасибо|пожалуйста|здравствуйте" },
	{ "fa", "بله|اره|تاييد|تاييد ميكنم|باشه", "نه|خير|لغو|كنسل", "ممنون|لطفا|سلام" },
	{ "ur", "جي|جي هاں|هاں|هاں جي", "نهيں|نهيں چاهيے|كينسل", "شكريه" },
	{ "hi", "हां|हाँ|जी|जी हां|जी हाँ|haan|han", "नहीं|नही|nahi|nahin", "धन्यवाद|ji" },
};

/* Whole messages only. */
static const char stop_words[] =
	"stop|unsubscribe|stop all|stopall|opt out|optout|ايقاف|اوقف|توقف|الغاء الاشتراك|لا ترسل|"
	"arret|arreter|desabonner|desinscrire|baja|alto|no molestar|parar|sair|descadastrar|dur|"
	"abonelikten cik|berhenti|berhenti berlangganan|стоп|отписаться";
static const char start_words[] =
	"start|unstop|subscribe|اشتراك|ابدا|reprendre|alta|iniciar|mulai";

const char *answer_str(enum answer a)
{
	static const char *const names[] = { "unclear", "confirm", "cancel", "stop", "start" };

	return names[a];
}

/* Is `phrase` one of the phrases between the bars? */
static bool in_list(const char *list, struct wa_span phrase)
{
	while (*list) {
		size_t n = strcspn(list, "|");

		if (n == phrase.len && memcmp(list, phrase.ptr, n) == 0)
			return true;
		list += n + (list[n] == '|');
	}
	return false;
}

static enum answer look_in(const struct vocabulary *v, struct wa_span phrase)
{
	if (in_list(v->yes, phrase))
		return ANSWER_CONFIRM;
	return in_list(v->no, phrase) ? ANSWER_CANCEL : ANSWER_UNCLEAR;
}

static const struct vocabulary *of_language(const char *language)
{
	size_t n = language ? strcspn(language, "-_") : 0;

	for (size_t i = 1; n > 0 && i < WA_ARRAY_LEN(vocabularies); i++)
		if (strlen(vocabularies[i].language) == n &&
		    strncasecmp(vocabularies[i].language, language, n) == 0)
			return &vocabularies[i];
	return NULL;
}

static enum answer look_up(struct wa_span phrase, const struct vocabulary *own)
{
	enum answer found = own ? look_in(own, phrase) : ANSWER_UNCLEAR;

	if (found != ANSWER_UNCLEAR)
		return found;
	found = look_in(&vocabularies[0], phrase);
	if (found != ANSWER_UNCLEAR)
		return found;
	if (phrase.len == 1)
		return ANSWER_UNCLEAR;
	found = look_in(&vocabularies[1], phrase);
	for (size_t i = 2; found == ANSWER_UNCLEAR && i < WA_ARRAY_LEN(vocabularies); i++)
		found = look_in(&vocabularies[i], phrase);
	for (size_t i = 2; found != ANSWER_UNCLEAR && i < WA_ARRAY_LEN(vocabularies); i++) {
		enum answer other = look_in(&vocabularies[i], phrase);

		if (other != ANSWER_UNCLEAR && other != found && !look_in(&vocabularies[1], phrase))
			return ANSWER_UNCLEAR;
	}
	return found;
}

static bool is_filler(struct wa_span phrase)
{
	for (size_t i = 0; i < WA_ARRAY_LEN(vocabularies); i++)
		if (in_list(vocabularies[i].fillers, phrase))
			return true;
	return false;
}

static size_t split_words(struct wa_span folded, struct wa_span words[WORDS_MAX])
{
	size_t n = 0, start = 0;

	for (size_t i = 0; i <= folded.len; i++) {
		if (i < folded.len && folded.ptr[i] != ' ')
			continue;
		if (i > start) {
			if (n == WORDS_MAX)
				return 0;
			words[n++] = wa_span(folded.ptr + start, i - start);
		}
		start = i + 1;
	}
	return n;
}

/* The longest phrase that starts at words[0]: how many words, 0 none. */
static size_t read_phrase(const struct wa_span *words, size_t n, const struct vocabulary *own,
			  enum answer *ret)
{
	for (size_t len = n < PHRASE_WORDS_MAX ? n : PHRASE_WORDS_MAX; len > 0; len--) {
		const struct wa_span *last = &words[len - 1];
		struct wa_span phrase = wa_span(words->ptr, (size_t)(last->ptr - words->ptr) + last->len);

		*ret = look_up(phrase, own);
		if (*ret != ANSWER_UNCLEAR || is_filler(phrase))
			return len;
	}
	return 0;
}

static enum answer read_words(const struct wa_span *words, size_t n, const char *language)
{
	const struct vocabulary *own = of_language(language);
	enum answer all = ANSWER_UNCLEAR, one;

	for (size_t i = 0; i < n;) {
		size_t len = read_phrase(words + i, n - i, own, &one);

		if (len == 0 || (one != ANSWER_UNCLEAR && all != ANSWER_UNCLEAR && one != all))
			return ANSWER_UNCLEAR;
		if (one != ANSWER_UNCLEAR)
			all = one;
		i += len;
	}
	return all;
}

enum answer answer_read(struct wa_span text, const char *language)
{
	struct wa_span words[WORDS_MAX];
	enum answer a = ANSWER_UNCLEAR;
	struct wa_buf folded;

	if (text.len > ANSWER_TEXT_MAX)
		return ANSWER_UNCLEAR;
	wa_buf_init(&folded, ANSWER_TEXT_MAX * 4);
	wb_fold(text, &folded);
	if (!folded.failed && folded.len > 0) {
		if (in_list(stop_words, wa_buf_view(&folded)))
			a = ANSWER_STOP;
		else if (in_list(start_words, wa_buf_view(&folded)))
			a = ANSWER_START;
		else
			a = read_words(words, split_words(wa_buf_view(&folded), words), language);
	}
	wa_buf_clear(&folded);
	return a;
}
