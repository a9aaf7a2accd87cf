/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "texts.h"

#include "source.h"

const struct wb_template_var text_vars[] = {
	{ "customer.name", "full name" },
	{ "customer.first_name", "first name" },
	{ "store.name", "name of the store connection" },
	{ "order.number", "number the customer knows" },
	{ "order.id", "our id" },
	{ "order.total", "amount and currency: use |money" },
	{ "order.currency", "three letters" },
	{ "order.created_at", "time of the order: use |date" },
	{ "order.note", "the customer's note" },
	{ "order.payment", "payment method as the shop names it" },
	{ "order.cod", "true for cash on delivery" },
	{ "order.items_count", "number of lines" },
	{ "items", "list" },
	{ "items.name", "" },
	{ "items.variant", "" },
	{ "items.qty", "" },
	{ "items.unit_price", "use |money" },
	{ "items.sku", "" },
	{ "address.text", "whole address on one line" },
	{ "address.city", "" },
	{ "address.region", "" },
	{ "address.postcode", "" },
	{ "address.country", "two letters" },
	{ "urls.status", "page of the order in the shop" },
	{ NULL, NULL },
};

struct shipped {
	const char *language;
	const char *text[TEXT_KINDS];
};

static const struct shipped shipped[] = {
	{ "en", {
		"Hello {{customer.first_name|default:\"there\"}} 👋\n"
		"Thank you for your order *{{order.number}}* at *{{store.name}}*.\n"
		"\n"
		"{{#items}}\n"
		"• {{qty}} × {{name}}{{#variant}} ({{variant}}){{/variant}}\n"
		"{{/items}}\n"
		"{{#order.total}}\n"
		"Total: *{{order.total|money}}*{{#order.cod}} (cash on delivery){{/order.cod}}\n"
		"{{/order.total}}\n"
		"{{#address.text}}\n"
		"Delivery to: {{address.text}}\n"
		"{{/address.text}}\n"
		"\n"
		"Please answer:\n"
		"*1* – confirm the order\n"
		"*2* – cancel the order",
		"Hello {{customer.first_name|default:\"there\"}}, we are still waiting for your answer about order "
		"*{{order.number}}*{{#order.total}} ({{order.total|money}}){{/order.total}} at *{{store.name}}*.\n"
		"\n"
		"*1* – confirm\n"
		"*2* – cancel",
		"Thank you! Order *{{order.number}}* is confirmed. ✅\n{{store.name}}",
		"Order *{{order.number}}* is cancelled. Thank you for letting us know.\n{{store.name}}",
	} },
	{ "ar", {
		"مرحباً {{customer.first_name|default:\"بك\"}} 👋\n"
		"شكراً لطلبك رقم *{{order.number}}* من *{{store.name}}*.\n"
		"\n"
		"{{#items}}\n"
		"• {{qty}} × {{name}}{{#variant}} ({{variant}}){{/variant}}\n"
		"{{/items}}\n"
		"{{#order.total}}\n"
		"الإجمالي: *{{order.total|money}}*{{#order.cod}} (الدفع عند الاستلام){{/order.cod}}\n"
		"{{/order.total}}\n"
		"{{#address.text}}\n"
		"التوصيل إلى: {{address.text}}\n"
		"{{/address.text}}\n"
		"\n"
		"يرجى الرد برقم:\n"
		"*1* – لتأكيد الطلب\n"
		"*2* – لإلغاء الطلب",
		"مرحباً {{customer.first_name|default:\"بك\"}}، ما زلنا بانتظار ردك بخصوص الطلب رقم "
		"*{{order.number}}*{{#order.total}} ({{order.total|money}}){{/order.total}} من *{{store.name}}*.\n"
		"\n"
		"*1* – تأكيد\n"
		"*2* – إلغاء",
		"شكراً لك! تم تأكيد الطلب رقم *{{order.number}}*. ✅\n{{store.name}}",
		"تم إلغاء الطلب رقم *{{order.number}}*. شكراً لإبلاغنا.\n{{store.name}}",
	} },
	{ "es", {
		"Hola{{#customer.first_name}} {{customer.first_name}}{{/customer.first_name}} 👋\n"
		"Gracias por tu pedido *{{order.number}}* en *{{store.name}}*.\n"
		"\n"
		"{{#items}}\n"
		"• {{qty}} × {{name}}{{#variant}} ({{variant}}){{/variant}}\n"
		"{{/items}}\n"
		"{{#order.total}}\n"
		"Total: *{{order.total|money}}*{{#order.cod}} (pago contra entrega){{/order.cod}}\n"
		"{{/order.total}}\n"
		"{{#address.text}}\n"
		"Entrega en: {{address.text}}\n"
		"{{/address.text}}\n"
		"\n"
		"Responde, por favor:\n"
		"*1* – confirmar el pedido\n"
		"*2* – cancelar el pedido",
		"Hola{{#customer.first_name}} {{customer.first_name}}{{/customer.first_name}}, seguimos esperando tu respuesta sobre el pedido "
		"*{{order.number}}*{{#order.total}} ({{order.total|money}}){{/order.total}} en *{{store.name}}*.\n"
		"\n"
		"*1* – confirmar\n"
		"*2* – cancelar",
		"¡Gracias! El pedido *{{order.number}}* está confirmado. ✅\n{{store.name}}",
		"El pedido *{{order.number}}* está cancelado. Gracias por avisarnos.\n{{store.name}}",
	} },
	{ "pt", {
		"Olá{{#customer.first_name}} {{customer.first_name}}{{/customer.first_name}} 👋\n"
		"Obrigado pelo seu pedido *{{order.number}}* na *{{store.name}}*.\n"
		"\n"
		"{{#items}}\n"
		"• {{qty}} × {{name}}{{#variant}} ({{variant}}){{/variant}}\n"
		"{{/items}}\n"
		"{{#order.total}}\n"
		"Total: *{{order.total|money}}*{{#order.cod}} (pagamento na entrega){{/order.cod}}\n"
		"{{/order.total}}\n"
		"{{#address.text}}\n"
		"Entrega em: {{address.text}}\n"
		"{{/address.text}}\n"
		"\n"
		"Responda, por favor:\n"
		"*1* – confirmar o pedido\n"
		"*2* – cancelar o pedido",
		"Olá{{#customer.first_name}} {{customer.first_name}}{{/customer.first_name}}, ainda aguardamos a sua resposta sobre o pedido "
		"*{{order.number}}*{{#order.total}} ({{order.total|money}}){{/order.total}} na *{{store.name}}*.\n"
		"\n"
		"*1* – confirmar\n"
		"*2* – cancelar",
		"Obrigado! O pedido *{{order.number}}* está confirmado. ✅\n{{store.name}}",
		"O pedido *{{order.number}}* foi cancelado. Obrigado por avisar.\n{{store.name}}",
	} },
	{ "id", {
		"Halo {{customer.first_name|default:\"Kak\"}} 👋\n"
		"Terima kasih atas pesanan *{{order.number}}* di *{{store.name}}*.\n"
		"\n"
		"{{#items}}\n"
		"• {{qty}} × {{name}}{{#variant}} ({{variant}}){{/variant}}\n"
		"{{/items}}\n"
		"{{#order.total}}\n"
		"Total: *{{order.total|money}}*{{#order.cod}} (bayar di tempat){{/order.cod}}\n"
		"{{/order.total}}\n"
		"{{#address.text}}\n"
		"Dikirim ke: {{address.text}}\n"
		"{{/address.text}}\n"
		"\n"
		"Mohon balas:\n"
		"*1* – konfirmasi pesanan\n"
		"*2* – batalkan pesanan",
		"Halo {{customer.first_name|default:\"Kak\"}}, kami masih menunggu jawaban untuk pesanan "
		"*{{order.number}}*{{#order.total}} ({{order.total|money}}){{/order.total}} di *{{store.name}}*.\n"
		"\n"
		"*1* – konfirmasi\n"
		"*2* – batalkan",
		"Terima kasih! Pesanan *{{order.number}}* sudah dikonfirmasi. ✅\n{{store.name}}",
		"Pesanan *{{order.number}}* sudah dibatalkan. Terima kasih atas kabarnya.\n{{store.name}}",
	} },
	{ "fr", {
		"Bonjour{{#customer.first_name}} {{customer.first_name}}{{/customer.first_name}} 👋\n"
		"Merci pour votre commande *{{order.number}}* chez *{{store.name}}*.\n"
		"\n"
		"{{#items}}\n"
		"• {{qty}} × {{name}}{{#variant}} ({{variant}}){{/variant}}\n"
		"{{/items}}\n"
		"{{#order.total}}\n"
		"Total : *{{order.total|money}}*{{#order.cod}} (paiement à la livraison){{/order.cod}}\n"
		"{{/order.total}}\n"
		"{{#address.text}}\n"
		"Livraison : {{address.text}}\n"
		"{{/address.text}}\n"
		"\n"
		"Merci de répondre :\n"
		"*1* – confirmer la commande\n"
		"*2* – annuler la commande",
		"Bonjour{{#customer.first_name}} {{customer.first_name}}{{/customer.first_name}}, nous attendons toujours votre réponse pour la commande "
		"*{{order.number}}*{{#order.total}} ({{order.total|money}}){{/order.total}} chez *{{store.name}}*.\n"
		"\n"
		"*1* – confirmer\n"
		"*2* – annuler",
		"Merci ! La commande *{{order.number}}* est confirmée. ✅\n{{store.name}}",
		"La commande *{{order.number}}* est annulée. Merci de nous avoir prévenus.\n{{store.name}}",
	} },
};

static const char *const kind_names[TEXT_KINDS] = { "confirmation", "reminder", "confirmed_reply",
						     "cancelled_reply" };

const char *text_kind_str(enum text_kind k)
{
	return kind_names[k];
}

int text_kind_parse(const char *name, enum text_kind *ret)
{
	for (int i = 0; i < TEXT_KINDS; i++) {
		if (strcmp(kind_names[i], name) == 0) {
			*ret = (enum text_kind)i;
			return 1;
		}
	}
	return 0;
}

const char *text_shipped(enum text_kind k, const char *language)
{
	for (size_t i = 0; i < WA_ARRAY_LEN(shipped); i++)
		if (strcmp(shipped[i].language, language) == 0)
			return shipped[i].text[k];
	return NULL;
}

const char *text_language_at(size_t i)
{
	return i < WA_ARRAY_LEN(shipped) ? shipped[i].language : NULL;
}

/* "12 King Fahd Rd, Riyadh, 12345" */
static json_t *address_values(const json_t *address)
{
	static const char *const parts[] = { "city", "region", "postcode" };
	const json_t *lines = source_list(address, "lines");
	json_t *a = json_object();
	const char *last = "";
	struct wa_buf text;

	wa_buf_init(&text, 8 * SOURCE_TEXT_MAX);
	for (size_t i = 0; i < json_array_size(lines); i++) {
		const char *line = json_string_value(json_array_get(lines, i));

		if (line)
			wa_buf_fmt(&text, "%s%s", text.len ? ", " : "", line);
	}
	for (size_t i = 0; i < WA_ARRAY_LEN(parts); i++) {
		const char *part = source_str(address, parts[i]);

		if (*part)
			json_object_set_new(a, parts[i], json_string(part));
		/* a city is often its own region, and a region's code says nothing to its people */
		if (*part && strcmp(part, last) != 0 && i != 1)
			wa_buf_fmt(&text, "%s%s", text.len ? ", " : "", part);
		last = *part ? part : last;
	}
	if (*source_str(address, "country"))
		json_object_set_new(a, "country", json_string(source_str(address, "country")));
	json_object_set_new(a, "text", json_string(wa_buf_cstr(&text)));
	wa_buf_clear(&text);
	return a;
}

static json_t *order_values(const json_t *order, const char *order_id)
{
	const json_t *payment = source_object(order, "payment"), *total = source_object(order, "total");
	const char *number = source_str(order, "number"), *label = source_str(payment, "label");
	json_t *o = json_object();

	json_object_set_new(o, "id", json_string(order_id));
	json_object_set_new(o, "number", json_string(*number ? number : source_str(order, "external_id")));
	if (total) {
		json_object_set_new(o, "total", json_deep_copy(total));
		json_object_set_new(o, "currency", json_string(source_str(total, "currency")));
	}
	json_object_set_new(o, "created_at", json_string(source_str(order, "created_at")));
	json_object_set_new(o, "note", json_string(source_str(order, "note")));
	json_object_set_new(o, "payment", json_string(*label ? label : source_str(payment, "method")));
	json_object_set_new(o, "cod", json_boolean(strcmp(source_str(payment, "class"), "cod") == 0));
	json_object_set_new(o, "items_count",
			    json_integer((json_int_t)json_array_size(source_list(order, "items"))));
	return o;
}

json_t *text_values(const json_t *order, const char *store_name, const char *order_id)
{
	const json_t *customer = source_object(order, "customer"), *items = source_list(order, "items");
	const char *name = source_str(customer, "name"), *first = source_str(customer, "first_name");
	json_t *c = json_object(), *v = json_object();

	json_object_set_new(c, "name", json_string(*name ? name : first));
	json_object_set_new(c, "first_name", *first ? json_string(first)
						    : json_stringn(name, strcspn(name, " \t")));
	json_object_set_new(v, "customer", c);
	json_object_set_new(v, "store", json_pack("{s:s}", "name", store_name));
	json_object_set_new(v, "order", order_values(order, order_id));
	json_object_set_new(v, "items", items ? json_deep_copy(items) : json_array());
	json_object_set_new(v, "address", address_values(source_object(order, "address")));
	json_object_set_new(v, "urls", source_object(order, "urls")
					       ? json_deep_copy(source_object(order, "urls")) : json_object());
	return v;
}

json_t *text_sample_order(void)
{
	return json_pack("{s:s, s:s, s:s, s:{s:s, s:s, s:s}, s:{s:s, s:s}, s:{s:s, s:s, s:s},"
			 " s:[{s:s, s:s, s:i, s:{s:s, s:s}, s:s}, {s:s, s:i}],"
			 " s:{s:[s], s:s, s:s, s:s}, s:s, s:{s:s}}",
			 "external_id", "1001", "number", "#1001", "created_at", "2026-10-20T14:05:11+03:00",
			 "payment", "method", "cod", "label", "Cash on delivery", "class", "cod",
			 "total", "amount", "215.00", "currency", "SAR",
			 "customer", "name", "Layla Hassan", "first_name", "Layla", "locale", "en",
			 "items", "name", "Serum", "variant", "30 ml", "qty", 2, "unit_price", "amount",
			 "100.00", "currency", "SAR", "sku", "SERUM-30", "name", "Soap", "qty", 1,
			 "address", "lines", "King Fahd Rd 12", "city", "Riyadh", "postcode", "12345",
			 "country", "SA", "note", "Please ring the bell", "urls", "status",
			 "https://shop.example/orders/1001");
}
