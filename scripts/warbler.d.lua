---@meta warbler
-- Made by `warbler script api --stub`. Put it into your editor's workspace (Lua language server).

---@class warbler.Person
---@field jid? string
---@field lid? string
---@field phone? string
---@field name? string

---@class warbler.Contact: warbler.Person
---@field push_name? string
---@field business_name? string
---@field opted_out? boolean

---@alias warbler.Address string|warbler.Person|warbler.Message a phone number, a JID, a person, or a message (its chat)
---@alias warbler.Ref string|table|warbler.Message an id, or what has one

---@class warbler
local wb = {}

---The script's name.
---@type string
wb.name = nil

---The settings declared by `wb.script`, as the owner has set them; always current.
---@type table
wb.settings = nil

---Returned by a handler: nobody after it gets the event.
---@type lightuserdata
wb.STOP = nil

---Says what the script is: `summary`, `sessions` (a list of session ids it is bound to; without it, all) and `settings`. Each setting is `name = { type = "text|integer|number|boolean|list|choice", default = ..., summary = ..., choices = {...}, min = ..., max = ..., secret = true }`. The owner changes sessions and settings through REST or the dashboard, without touching the code.
---@param header table
function wb.script(header) end

---Calls `handler` for each such event; `event` is a kind, with `*` for any characters, several separated by commas. Messages come as Message, all else as Event. `filter` is compared before Lua is entered: `session`, `chat`, `from`, `kind` (a text or several), `text`, `contains`, `starts`, `ends` (one or several; case and diacritics do not matter. `text` is all that was said, but for marks around it: `"stop"` is also "Stop!"; the others look at parts of words too: whole words are `wb.text.has_words`, or `matches = "\\bword\\b"`), `matches` (a regular expression), `group`, `own`, `backfilled`, `held` (true: also in chats that a person or a flow has). For events that are no messages any member of data: `["order.state"] = "new"`. Events of one chat come one after the other. A handler that returns `wb.STOP` keeps scripts after this one (by name) and its own later handlers from seeing the event.
---@param event string
---@param filter? table
---@param handler fun(event:warbler.Message|warbler.Event)
function wb.on(event, filter, handler) end

---Makes a function callable for plugins (a webhook's transform, for example). Arguments and the first result are JSON values.
---@param name string
---@param fn function
function wb.export(name, fn) end

---What a handler gets for events that are no messages.
---@class warbler.Event
---@field kind string `order.created`, `session.connected` …
---@field session string The session it belongs to, or the empty text.
---@field subject string What it is about: a message's id, an order's id …, or the empty text.
---@field id string The event's own id.
---@field seq integer Its number in the log, without holes.
---@field time integer Unix time in milliseconds.
---@field data table The event's data, as in the event stream. Read when it is first asked for.
local Event = {}

---Sends a message. `content` is a text, or a table as the REST API takes it: `{ kind = "image", media = "https://…" or id, text = "caption" }`, `{ kind = "poll", name = …, options = {…} }`, `{ menu = {…} }`, every kind of core/content/README.md. It comes back as soon as it is safely queued; `wait` and `await` tell more.
---
---`opts`: `session`; `class` (`"transactional"`, `"reply"`, `"marketing"`, `"reminder"`); `due` (when: milliseconds, RFC 3339, or `"2h"` from now); `typing` (`"2s"`: shows typing first); `reply_to` (an id); `wait` (`"sent"`, `"delivered"`) with `timeout`; `idempotency_key` (your own; by itself a repeated handler sends nothing twice); `meta`, `mentions`, `preview`, `render`, `view_once`, `expires_s`, `country`: as in `POST /v1/messages`.
---@param to warbler.Address
---@param content string|table
---@param opts? table
---@return warbler.Message|nil sent
---@return string? message
---@return string? code
function wb.send(to, content, opts) end

---Waits until a message of ours (or its id) is `"sent"`, `"delivered"` or `"read"`, at most `timeout` (default `"30s"`, at most `"10m"`). Gives the state it is in then; `nil, reason, "failed"` when it will not get there, `nil, …, "timed_out"`.
---@param message string|warbler.Message
---@param state string
---@param timeout? string|integer
---@return string|nil status
---@return string? message
---@return string? code
function wb.await(message, state, timeout) end

---Any route of the REST API, also of plugins (`/v1/openapi.yaml` and their READMEs): the door to everything that has no function here. `true` when the answer is empty. `opts.idempotency_key`.
---@param method string
---@param path string
---@param body? any
---@param opts? table
---@return any|nil answer
---@return string? message
---@return string? code
function wb.api(method, path, body, opts) end

---A message: what a handler of `message.*` and `menu.answered` is given, and what sending gives back. Fields that are not known are nil. It can be given wherever a chat is wanted.
---@class warbler.Message
---@field id string our id of it
---@field text string the words: text, caption, question of a poll; `""` when there are none
---@field kind string `"text"`, `"image"`, `"audio"`, `"location"` …: every kind of core/content/README.md
---@field chat warbler.Person where it was said: `jid`, `lid`, `phone`; of a group only `jid`
---@field sender warbler.Person who said it: `jid`, `lid`, `phone`, `name`
---@field name string what the sender calls themselves; `""` when unknown
---@field group boolean said in a group
---@field own boolean sent by us
---@field quoted table|nil `id`, `wa_id` of the message it answers
---@field content table|nil all of what it says (core/content/README.md), unless it is only text
---@field media warbler.Media|nil its file, not yet fetched
---@field timestamp string when it was said, RFC 3339
---@field time_ms integer the same in milliseconds, for `wb.time`
---@field backfilled boolean said while we were away: answer only if it still makes sense
---@field held string|false who has the conversation: `"human"`, `"flow:script/name"`; false: nobody
---@field session string which account
---@field event string|nil kind of the event that brought it, `"message.received"`
---@field seq integer|nil number of that event
---@field status string|nil of ours: `queued`, `sending`, `sent`, `delivered`, `read`, `played`, `failed`, `cancelled`
---@field target table|nil reactions, edits, votes: `id`, `wa_id` of the message they are about
---@field answer table|nil menu.answered: `id`, `text`, `number`, `via`
---@field reactions table[]|nil of a stored message (`wb.messages.get`)
---@field tally table[]|nil of a poll that was looked up, or of `message.poll_vote`: a list of `option`, `votes`, `voters`
---@field options string[]|nil message.poll_vote: what was chosen
---@field data table the whole document of the event, as the REST API shows it
local Message = {}

---Answers in the same chat, without quoting. Content and options as for `wb.send`; the class is `reply`.
---@param content string|table
---@param opts? table
---@return warbler.Message|nil sent
---@return string? message
---@return string? code
function Message:reply(content, opts) end

---Answers and quotes this message.
---@param content string|table
---@param opts? table
---@return warbler.Message|nil sent
---@return string? message
---@return string? code
function Message:quote(content, opts) end

---Reacts with an emoji; an empty text takes the reaction back.
---@param emoji string
---@param opts? table
---@return string|nil id
---@return string? message
---@return string? code
function Message:react(emoji, opts) end

---The sender sees that it was read.
---@return true|nil done
---@return string? message
---@return string? code
function Message:mark_read() end

---Shows that we are typing, for a while: a duration (`"3s"`, then it waits that long), `"recording"`, or `"paused"` to stop. A message that is sent ends it too.
---@param what? string
---@return true|nil done
---@return string? message
---@return string? code
function Message:typing(what) end

---Passes it on to another chat. `opts`: `class`, `country`, `wait`.
---@param to warbler.Address
---@param opts? table
---@return string|nil id
---@return string? message
---@return string? code
function Message:forward(to, opts) end

---Changes the words of a message of ours (WhatsApp allows it for about 15 minutes).
---@param text string
---@param opts? table
---@return string|nil id
---@return string? message
---@return string? code
function Message:edit(text, opts) end

---Deletes a message of ours for everyone; administrators of a group may delete others' too.
---@param opts? table
---@return string|nil id
---@return string? message
---@return string? code
function Message:delete(opts) end

---Pins it in its chat. `opts`: `on` (false: takes the pin away), `duration_s` (86400, 604800, 2592000).
---@param opts? table
---@return string|nil id
---@return string? message
---@return string? code
function Message:pin(opts) end

---Stars it on our own devices.
---@return true|nil done
---@return string? message
---@return string? code
function Message:star() end

---Votes in a poll; an empty `wb.json.array()` takes the vote back.
---@param options string[]
---@param opts? table
---@return string|nil id
---@return string? message
---@return string? code
function Message:vote(options, opts) end

---Waits until a message of ours is `"sent"`, `"delivered"` or `"read"` (or further). See `wb.await`.
---@param state string
---@param timeout? string|integer
---@return string|nil status
---@return string? message
---@return string? code
function Message:await(state, timeout) end

---The file of a message, `msg.media`. Nothing is fetched before `bytes()`. More fields: core/content/README.md.
---@class warbler.Media
---@field id string to send it on: `{ kind = "image", media = msg.media.id }`
---@field mimetype string|nil what it is
---@field size integer|nil bytes
---@field file_name string|nil of documents
---@field seconds integer|nil of audio and video
---@field width integer|nil of pictures and video
---@field height integer|nil of pictures and video
---@field ptt boolean|nil a voice note
local Media = {}

---All that is known of it as a plain table, without fetching it.
---@return table info
function Media:info() end

---Its bytes, fetched from WhatsApp when they are not here. `opts.max`: not when it is larger (default and limit 8 MiB).
---@param opts? table
---@return string|nil bytes
---@return string? message
---@return string? code
function Media:bytes(opts) end

---Messages that are stored.
wb.messages = {}

---One message, with its `reactions`, the `tally` of a poll and its `status`.
---@param id string
---@param opts? table
---@return warbler.Message|nil message
---@return string? message
---@return string? code
function wb.messages.get(id, opts) end

---Messages, newest first, of one chat or all, and the cursor of the next page. `opts`: `limit`, `cursor`, `session`.
---@param chat? warbler.Address
---@param opts? table
---@return warbler.Message[]|nil messages
---@return string? message
---@return string? code
function wb.messages.list(chat, opts) end

---Takes a message out of the outbox that has not left yet.
---@param id warbler.Ref
---@param opts? table
---@return warbler.Message|nil message
---@return string? message
---@return string? code
function wb.messages.cancel(id, opts) end

---Files to be sent. What came in is `msg.media`.
wb.media = {}

---Has the gateway fetch a file, to be sent by its `id` any number of times. `opts`: `type` (`"image"`, `"video"`, `"audio"`, `"document"`, `"sticker"`), `mimetype`, `file_name`, `ptt` (a voice note) …
---@param url string
---@param opts? table
---@return table|nil media
---@return string? message
---@return string? code
function wb.media.upload(url, opts) end

---The same from bytes (`wb.base64.encode`), at most 1 MiB.
---@param base64 string
---@param opts? table
---@return table|nil media
---@return string? message
---@return string? code
function wb.media.create(base64, opts) end

---The bytes of a file, fetched from WhatsApp when they are not here. `opts.max`: at most so many (default and limit 8 MiB).
---@param id string
---@param opts? table
---@return string|nil bytes
---@return string? message
---@return string? code
function wb.media.bytes(id, opts) end

---Deletes a file that was given to be sent.
---@param id string
---@param opts? table
---@return true|nil done
---@return string? message
---@return string? code
function wb.media.delete(id, opts) end

---Runs a function once, after `"10m"` or so many milliseconds (at most 31 days). It is forgotten when the gateway stops or the script is reloaded: what must happen belongs into `wb.send` with `due`, or a flow.
---@param delay string|integer
---@param fn function
---@return integer id
function wb.after(delay, fn) end

---Runs a function again and again: `wb.every("mon-fri 09:00", "Europe/Berlin", fn)`, `wb.every("15m", fn)`, `wb.every("0 9 * * 1", fn)`. Rules: `"09:00"` (every day), `"mon-fri 09:00,13:30; sat 10:00"`, `"weekends 11:00"`, `"monthly 1,last 08:00"`; an interval (`"15m"`, `"2h"`); or the five fields of cron. A run is passed over while the one before is still going; what was missed while the gateway was off is not made up.
---@param rule string
---@param zone string|function
---@param fn? function
---@return integer id
function wb.every(rule, zone, fn) end

---Ends what `wb.after` or `wb.every` began; a run under way goes on.
---@param id integer
---@return boolean was_there
function wb.cancel(id) end

---Waits; other handlers go on meanwhile.
---@param time string|integer
---@return true done
function wb.sleep(time) end

---What a script remembers over restarts and reloads: keys and values of its own, sealed at rest. Keys have at most 200 bytes.
wb.kv = {}

---What was stored under this key, else `default` (nil).
---@param key string
---@param default? any
---@return any value
function wb.kv.get(key, default) end

---Stores any value that has a JSON form, at most 64 KiB; nil deletes it. It comes back when it is safe. `opts.expires`: forgotten after `"1h"`, `"30d"` …
---@param key string
---@param value any
---@param opts? table
---@return true|nil done
---@return string? message
---@return string? code
function wb.kv.set(key, value, opts) end

---Forgets it.
---@param key string
---@return true|nil done
---@return string? message
---@return string? code
function wb.kv.delete(key) end

---Adds to a number (0 when absent) and gives the sum; two at once both count. `opts.expires` begins with the first.
---@param key string
---@param by? integer
---@param opts? table
---@return integer|nil value
---@return string? message
---@return string? code
function wb.kv.incr(key, by, opts) end

---The keys that begin so, at most 1000, in no order.
---@param prefix? string
---@return string[]|nil keys
---@return string? message
---@return string? code
function wb.kv.keys(prefix) end

---Other services. Eight requests of a script are under way at once, more wait their turn (at most 1000). Addresses of this machine and of private networks are refused unless the owner allows them (`network.allow_private`). Redirects are answers.
wb.http = {}

---Asks, and waits for the answer; others go on meanwhile. Any answer is an answer, also 404: look at `res.status` or `res.ok`. `nil, message, code` when there was none.
---
---`opts`: `headers`; `timeout` (default `"30s"`, at most `"2m"`); `max` bytes of the answer (1 MiB, at most 4 MiB); `keep`: names of headers of the answer to have besides the usual.
---@param url string
---@param opts? table
---@return warbler.Response|nil res
---@return string? message
---@return string? code
function wb.http.get(url, opts) end

---Sends a table as JSON, or text as it is.
---@param url string
---@param body? string|table
---@param opts? table
---@return warbler.Response|nil res
---@return string? message
---@return string? code
function wb.http.post(url, body, opts) end

---Everything: `url`, `method`, `headers`, and one of `body` (bytes), `json` (a value), `form` (a table of texts); `timeout`, `max`, `keep`.
---@param opts table
---@return warbler.Response|nil res
---@return string? message
---@return string? code
function wb.http.request(opts) end

---The answer of `wb.http`.
---@class warbler.Response
---@field status integer 200, 404 …
---@field ok boolean status from 200 to 299
---@field body string its bytes
---@field headers table<string,string> by small name: content-type, location, retry-after, etag, last-modified, date, link, x-request-id, and what `keep` named
local Response = {}

---The body as a value; `nil, message, code` when it is no JSON.
---@return any value
function Response:json() end

---People. `who` is a phone number in text, a JID, `msg.sender`, or a message (then it is its chat).
wb.contacts = {}

---What is known of a person: `jid`, `lid`, `phone`, `name` (yours), `push_name` (theirs), `business_name`, `opted_out`.
---@param who warbler.Address
---@param opts? table
---@return warbler.Contact|nil contact
---@return string? message
---@return string? code
function wb.contacts.get(who, opts) end

---A page of contacts, and the cursor of the next page. `opts`: `limit` (50, at most 500), `cursor`, `session`.
---@param opts? table
---@return warbler.Contact[]|nil contacts
---@return string? message
---@return string? code
function wb.contacts.list(opts) end

---Contacts whose name or number holds these words or digits; at most 50. It reads all contacts page by page: not for every message.
---@param text string
---@param opts? table
---@return warbler.Contact[]|nil contacts
---@return string? message
---@return string? code
function wb.contacts.find(text, opts) end

---Is a number on WhatsApp? `exists`, and then `jid` and `lid`.
---@param phone string
---@param opts? table
---@return table|nil answer
---@return string? message
---@return string? code
function wb.contacts.check(phone, opts) end

---Names a contact, on the phone too. `opts`: `first_name`, `save_on_phone`.
---@param who warbler.Address
---@param name string
---@param opts? table
---@return true|nil done
---@return string? message
---@return string? code
function wb.contacts.set_name(who, name, opts) end

---Records that this person wants no messages: whatever would be sent to them is refused from now on. `opts.all_sessions`: by any account of this gateway.
---@param who warbler.Address
---@param opts? table
---@return warbler.Contact|nil contact
---@return string? message
---@return string? code
function wb.contacts.opt_out(who, opts) end

---Records that this person wants messages again.
---@param who warbler.Address
---@param opts? table
---@return warbler.Contact|nil contact
---@return string? message
---@return string? code
function wb.contacts.opt_in(who, opts) end

---Blocks somebody on WhatsApp.
---@param who warbler.Address
---@param opts? table
---@return true|nil done
---@return string? message
---@return string? code
function wb.contacts.block(who, opts) end

---Not any more.
---@param who warbler.Address
---@param opts? table
---@return true|nil done
---@return string? message
---@return string? code
function wb.contacts.unblock(who, opts) end

---Whom this account blocks.
---@param opts? table
---@return table[]|nil blocks
---@return string? message
---@return string? code
function wb.contacts.blocked(opts) end

---Asks WhatsApp: about text, picture, devices, business name.
---@param who warbler.Address
---@param opts? table
---@return table|nil profile
---@return string? message
---@return string? code
function wb.contacts.profile(who, opts) end

---Conversations. `chat` is a phone number in text, a JID (of a group too), a person, or a message.
wb.chats = {}

---`jid`, `name`, `unread`, `archived`, `pinned`, `muted`, `muted_until`, `marked_unread`, `last_message_at`.
---@param chat warbler.Address
---@param opts? table
---@return table|nil chat
---@return string? message
---@return string? code
function wb.chats.get(chat, opts) end

---A page of chats, newest first, and the cursor of the next page. `opts`: `limit`, `cursor`.
---@param opts? table
---@return table[]|nil chats
---@return string? message
---@return string? code
function wb.chats.list(opts) end

---Marks it as read on our own devices (the sender sees `msg:mark_read()`).
---@param chat warbler.Address
---@param opts? table
---@return true|nil done
---@return string? message
---@return string? code
function wb.chats.read(chat, opts) end

---Marks it as unread: somebody should look at it.
---@param chat warbler.Address
---@param opts? table
---@return true|nil done
---@return string? message
---@return string? code
function wb.chats.unread(chat, opts) end

---Archives it; with `false` takes it back.
---@param chat warbler.Address
---@param archived? boolean
---@param opts? table
---@return true|nil done
---@return string? message
---@return string? code
function wb.chats.archive(chat, archived, opts) end

---Pins it at the top; with `false` not any more.
---@param chat warbler.Address
---@param pinned? boolean
---@param opts? table
---@return true|nil done
---@return string? message
---@return string? code
function wb.chats.pin(chat, pinned, opts) end

---Mutes it, until a time (RFC 3339) or for ever.
---@param chat warbler.Address
---@param muted_until? string|boolean
---@param opts? table
---@return true|nil done
---@return string? message
---@return string? code
function wb.chats.mute(chat, muted_until, opts) end

---Not any more.
---@param chat warbler.Address
---@param opts? table
---@return true|nil done
---@return string? message
---@return string? code
function wb.chats.unmute(chat, opts) end

---Deletes its messages on our own devices. `opts`: `keep_starred`, `keep_media`.
---@param chat warbler.Address
---@param opts? table
---@return true|nil done
---@return string? message
---@return string? code
function wb.chats.clear(chat, opts) end

---Deletes it on our own devices.
---@param chat warbler.Address
---@param opts? table
---@return true|nil done
---@return string? message
---@return string? code
function wb.chats.delete(chat, opts) end

---Shows `"composing"` (default), `"recording"` or `"paused"`. In a handler `msg:typing("3s")` is handier.
---@param chat warbler.Address
---@param state? string
---@param opts? table
---@return true|nil done
---@return string? message
---@return string? code
function wb.chats.typing(chat, state, opts) end

---Messages disappear after 86400, 604800 or 7776000 seconds; 0: never.
---@param chat warbler.Address
---@param expires_s integer
---@param opts? table
---@return table|nil answer
---@return string? message
---@return string? code
function wb.chats.timer(chat, expires_s, opts) end

---Who has the conversation, asked of the gateway: `owner`, `until`. `msg.held` is the short way.
---@param chat warbler.Address
---@param opts? table
---@return table|nil hold
---@return string? message
---@return string? code
function wb.chats.held(chat, opts) end

---Hands the conversation to a person: automatic answers keep out until it is released. `opts`: `minutes` or `until`, `owner` (default `"human"`), `note`.
---@param chat warbler.Address
---@param opts? table
---@return table|nil hold
---@return string? message
---@return string? code
function wb.chats.hold(chat, opts) end

---Gives it back to the automatic answers.
---@param chat warbler.Address
---@param opts? table
---@return true|nil done
---@return string? message
---@return string? code
function wb.chats.release(chat, opts) end

---Labels of business accounts. `label` is an id, or what `wb.labels.find` or `create` gave.
wb.labels = {}

---All labels of the account: `id`, `name`, `color`, `predefined`.
---@param opts? table
---@return table[]|nil labels
---@return string? message
---@return string? code
function wb.labels.list(opts) end

---The label of this name, in any case and accent; `nil, …, "not_found"`.
---@param name string
---@param opts? table
---@return table|nil label
---@return string? message
---@return string? code
function wb.labels.find(name, opts) end

---Makes one. `opts.color`: 0 to 19.
---@param name string
---@param opts? table
---@return table|nil label
---@return string? message
---@return string? code
function wb.labels.create(name, opts) end

---Another name or colour.
---@param label warbler.Ref
---@param name string
---@param opts? table
---@return table|nil label
---@return string? message
---@return string? code
function wb.labels.update(label, name, opts) end

---Takes it away everywhere.
---@param label warbler.Ref
---@param opts? table
---@return true|nil done
---@return string? message
---@return string? code
function wb.labels.delete(label, opts) end

---Labels a chat.
---@param label warbler.Ref
---@param chat warbler.Address
---@param opts? table
---@return true|nil done
---@return string? message
---@return string? code
function wb.labels.assign(label, chat, opts) end

---Takes it off a chat.
---@param label warbler.Ref
---@param chat warbler.Address
---@param opts? table
---@return true|nil done
---@return string? message
---@return string? code
function wb.labels.unassign(label, chat, opts) end

---Labels one message.
---@param label warbler.Ref
---@param message warbler.Ref
---@param opts? table
---@return true|nil done
---@return string? message
---@return string? code
function wb.labels.assign_message(label, message, opts) end

---Takes it off a message.
---@param label warbler.Ref
---@param message warbler.Ref
---@param opts? table
---@return true|nil done
---@return string? message
---@return string? code
function wb.labels.unassign_message(label, message, opts) end

---What has this label: `chat`, and `wa_id` when it is a message of it. The first 1000.
---@param label warbler.Ref
---@param opts? table
---@return table[]|nil uses
---@return string? message
---@return string? code
function wb.labels.chats(label, opts) end

---Groups. `group` is its JID, or a message said in it; `participants` one person or a list. More (communities, pictures, joining): `wb.api`.
wb.groups = {}

---Groups without their members, and the cursor of the next page. `opts`: `limit`, `cursor`, `refresh` (true: asks WhatsApp).
---@param opts? table
---@return table[]|nil groups
---@return string? message
---@return string? code
function wb.groups.list(opts) end

---A group with its settings and `participants`. `opts.refresh`: asks WhatsApp.
---@param group warbler.Address
---@param opts? table
---@return table|nil group
---@return string? message
---@return string? code
function wb.groups.get(group, opts) end

---Groups whose subject holds these words; at most 50.
---@param text string
---@param opts? table
---@return table[]|nil groups
---@return string? message
---@return string? code
function wb.groups.find(text, opts) end

---Who is in it: `jid`, `lid`, `phone`, `role`.
---@param group warbler.Address
---@param opts? table
---@return table[]|nil members
---@return string? message
---@return string? code
function wb.groups.members(group, opts) end

---Makes a group. `opts`: `description`, `announce`, `locked`, `approval` … as in `POST /v1/sessions/{id}/groups`. `not_added` lists who could not be added.
---@param subject string
---@param participants warbler.Address[]
---@param opts? table
---@return table|nil group
---@return string? message
---@return string? code
function wb.groups.create(subject, participants, opts) end

---Adds people: a result for each, with `done`, else `code` and perhaps `invite`.
---@param group warbler.Address
---@param participants warbler.Address[]
---@param opts? table
---@return table[]|nil results
---@return string? message
---@return string? code
function wb.groups.add(group, participants, opts) end

---Removes people.
---@param group warbler.Address
---@param participants warbler.Address[]
---@param opts? table
---@return table[]|nil results
---@return string? message
---@return string? code
function wb.groups.remove(group, participants, opts) end

---Makes them administrators.
---@param group warbler.Address
---@param participants warbler.Address[]
---@param opts? table
---@return table[]|nil results
---@return string? message
---@return string? code
function wb.groups.promote(group, participants, opts) end

---Makes them members.
---@param group warbler.Address
---@param participants warbler.Address[]
---@param opts? table
---@return table[]|nil results
---@return string? message
---@return string? code
function wb.groups.demote(group, participants, opts) end

---Another name.
---@param group warbler.Address
---@param subject string
---@param opts? table
---@return true|nil done
---@return string? message
---@return string? code
function wb.groups.set_subject(group, subject, opts) end

---Another description.
---@param group warbler.Address
---@param description string
---@param opts? table
---@return true|nil done
---@return string? message
---@return string? code
function wb.groups.set_description(group, description, opts) end

---Settings: `announce` (only administrators write), `locked`, `add_members` (`"everybody"`, `"admins"`), `approval`, `ephemeral_s`.
---@param group warbler.Address
---@param opts table
---@return true|nil done
---@return string? message
---@return string? code
function wb.groups.set(group, opts) end

---Leaves it.
---@param group warbler.Address
---@param opts? table
---@return true|nil done
---@return string? message
---@return string? code
function wb.groups.leave(group, opts) end

---The invite link.
---@param group warbler.Address
---@param opts? table
---@return string|nil link
---@return string? message
---@return string? code
function wb.groups.invite(group, opts) end

---Who asks to join.
---@param group warbler.Address
---@param opts? table
---@return table|nil answer
---@return string? message
---@return string? code
function wb.groups.requests(group, opts) end

---Lets them in.
---@param group warbler.Address
---@param participants warbler.Address[]
---@param opts? table
---@return table|nil answer
---@return string? message
---@return string? code
function wb.groups.approve(group, participants, opts) end

---Does not let them in.
---@param group warbler.Address
---@param participants warbler.Address[]
---@param opts? table
---@return table|nil answer
---@return string? message
---@return string? code
function wb.groups.reject(group, participants, opts) end

---Orders of connected shops (plugin orders). What happens to them comes as events: `wb.on("order.*", …)`, `ev.data` is in plugins/orders/README.md.
wb.orders = {}

---An order with its history.
---@param id string
---@param opts? table
---@return table|nil order
---@return string? message
---@return string? code
function wb.orders.get(id, opts) end

---A page of orders, newest first, and the cursor of the next. `opts`: `state`, `store_id`, `external_id`, `number`, `phone`, `limit`, `cursor`.
---@param opts? table
---@return table[]|nil orders
---@return string? message
---@return string? code
function wb.orders.list(opts) end

---The orders of a person, newest first.
---@param phone warbler.Address
---@param opts? table
---@return table[]|nil orders
---@return string? message
---@return string? code
function wb.orders.by_phone(phone, opts) end

---The orders with this number, as the shop writes it.
---@param number string
---@param opts? table
---@return table[]|nil orders
---@return string? message
---@return string? code
function wb.orders.by_number(number, opts) end

---Confirms it by hand.
---@param id warbler.Ref
---@param opts? table
---@return table|nil order
---@return string? message
---@return string? code
function wb.orders.confirm(id, opts) end

---Cancels it. `opts`: `reason`, `notify` (tell the customer).
---@param id warbler.Ref
---@param opts? table
---@return table|nil order
---@return string? message
---@return string? code
function wb.orders.cancel(id, opts) end

---Sends the confirmation again. `opts.phone` corrects the number.
---@param id warbler.Ref
---@param opts? table
---@return table|nil order
---@return string? message
---@return string? code
function wb.orders.resend(id, opts) end

---Shops (plugin orders).
wb.stores = {}

---The shops that are connected.
---@param opts? table
---@return table[]|nil stores
---@return string? message
---@return string? code
function wb.stores.list(opts) end

---One of them.
---@param id string
---@param opts? table
---@return table|nil store
---@return string? message
---@return string? code
function wb.stores.get(id, opts) end

---Texts with variables, in languages.
wb.templates = {}

---A text with variables: `{{name|default:"friend"}}`, `{{#items}}…{{/items}}`, `{{total|money:EUR}}`, `{{at|date:long}}` (the language is in core/gateway/template/template.h). `opts`: `locale` (`"ar-SA"`), `zone`, `currency`. A mistake in it raises with line and column.
---@param source string
---@param vars? table
---@param opts? table
---@return string text
function wb.templates.text(source, vars, opts) end

---A message of the shop (`"confirmation"`, `"reminder"` …) in a language, as it would be sent. `opts.order_id`: for this order.
---@param name string
---@param language string
---@param opts? table
---@return string|nil text
---@return string? message
---@return string? code
function wb.templates.render(name, language, opts) end

---Those of the gateway, and shipped ones.
---@param opts? table
---@return table[]|nil templates
---@return string? message
---@return string? code
function wb.templates.list(opts) end

---One of them: `body`, `source`.
---@param name string
---@param language string
---@param opts? table
---@return table|nil template
---@return string? message
---@return string? code
function wb.templates.get(name, language, opts) end

---Your own words for it.
---@param name string
---@param language string
---@param body string
---@param opts? table
---@return table|nil template
---@return string? message
---@return string? code
function wb.templates.set(name, language, body, opts) end

---Comparing what people type.
wb.text = {}

---The comparable form: lower case, no diacritics, Arabic letters as one, digits as 0-9, punctuation as spaces. Fold both sides, then compare.
---@param text string
---@return string folded
function wb.text.fold(text) end

---Do these words stand in the text, whole and in this order? Both are folded.
---@param text string
---@param words string
---@return boolean yes
function wb.text.has_words(text, words) end

---How much of `words` stands in the text, in any order, typing mistakes allowed: 0 to 100.
---@param text string
---@param words string
---@return integer percent
function wb.text.similar(text, words) end

---How many letters must be changed, added, removed or swapped to make b of a (65: too far). Fold first.
---@param a string
---@param b string
---@return integer n
function wb.text.distance(a, b) end

---The folded words of a text.
---@param text string
---@return string[] words
function wb.text.words(text) end

---Without white space at both ends.
---@param text string
---@return string text
function wb.text.trim(text) end

---At most so many bytes, never half a character.
---@param text string
---@param bytes integer
---@return string text
function wb.text.clip(text, bytes) end

---Regular expressions (RE2): every search takes time linear in the text, whatever the pattern. No look-around, no back references. Lua's own `string.match` is there too.
wb.regex = {}

---A pattern (RE2 syntax), at most 1024 bytes; compile it once, at the top of the script. `opts`: `nocase`, `whole` (the whole text must match), `dotall`, `multiline`. A wrong pattern raises and says where.
---@param pattern string
---@param opts? table
---@return warbler.Regex re
function wb.regex.compile(pattern, opts) end

---A compiled pattern.
---@class warbler.Regex
local Regex = {}

---The first match: `text`, `start`, `stop` (bytes), groups by number and by name. nil: none.
---@param text string
---@return table|nil found
function Regex:find(text) end

---All matches, at most 1000.
---@param text string
---@return table[] found
function Regex:find_all(text) end

---Does it match anywhere?
---@param text string
---@return boolean yes
function Regex:test(text) end

---Times are milliseconds since 1970 (UTC); nil stands for now. Zones are names such as `"Europe/Berlin"`, or `"+03:00"`; without one it is UTC.
wb.time = {}

---Now.
---@return integer ms
function wb.time.now() end

---A time as text: RFC 3339, or with `%Y %m %d %H %M %S`, `%e` (day without zero), `%F` (date), `%A %a` (weekday), `%B %b` (month), `%%`.
---@param ms? integer
---@param zone? string
---@param format? string
---@return string text
function wb.time.format(ms, zone, format) end

---RFC 3339, or a local time in the zone: `"2026-12-01 09:00"`, `"2026-12-01"`.
---@param text string
---@param zone? string
---@return integer|nil ms
---@return string? message
---@return string? code
function wb.time.parse(text, zone) end

---`year`, `month`, `day`, `hour`, `min`, `sec`, `wday` (1 Sunday), `weekday` (`"mon"`), `offset` (seconds east of UTC).
---@param ms? integer
---@param zone? string
---@return table parts
function wb.time.parts(ms, zone) end

---The other way: at least `year`. A time the clocks jump over is the first moment after the jump.
---@param parts table
---@param zone? string
---@return integer|nil ms
---@return string? message
---@return string? code
function wb.time.make(parts, zone) end

---Adds `years`, `months`, `weeks`, `days` by the calendar of the zone, and `hours`, `minutes`, `seconds` of real time. 09:00 plus a day is 09:00, also when the clocks change. nil: from now.
---@param ms integer|nil
---@param by table
---@param zone? string
---@return integer ms
function wb.time.add(ms, by, zone) end

---The first moment of that day.
---@param ms? integer
---@param zone? string
---@return integer ms
function wb.time.day_start(ms, zone) end

---When a rule of `wb.every` comes next.
---@param rule string
---@param zone? string
---@param after? integer
---@return integer|nil ms
---@return string? message
---@return string? code
function wb.time.next(rule, zone, after) end

---`"1h30m"` in milliseconds.
---@param text string
---@return integer ms
function wb.time.duration(text) end

---Opening hours, as text: days, spans, holidays (with a year or every year), `"mon-fri 09:00-12:00,13:00-18:00; sat 10-14; holidays 2026-12-25,01-01"`; `"22:00-08:00"` passes midnight; `"always"`.
wb.hours = {}

---Is it within these hours?
---@param hours string
---@param zone? string
---@param ms? integer
---@return boolean open
function wb.hours.is_open(hours, zone, ms) end

---When it opens next.
---@param hours string
---@param zone? string
---@param ms? integer
---@return integer|nil ms
---@return string? message
---@return string? code
function wb.hours.next_open(hours, zone, ms) end

---When it closes next.
---@param hours string
---@param zone? string
---@param ms? integer
---@return integer|nil ms
---@return string? message
---@return string? code
function wb.hours.next_close(hours, zone, ms) end

---JSON. `wb.json.null` (also `wb.null`) is JSON's null: a value of its own, and true in an `if`.
wb.json = {}

---A value as JSON. A table with 1 to n is an array, any other an object; `{}` is an object, `wb.json.array()` an empty array. `wb.json.null` is null. `opts.pretty`: with line ends. Names are sorted. Raises when it cannot be: functions, cycles, more than 64 levels, text that is not UTF-8.
---@param value any
---@param opts? table
---@return string text
function wb.json.encode(value, opts) end

---JSON as a value; `nil, message, code` when the text is none. null is `wb.json.null`.
---@param text string
---@return any value
function wb.json.decode(text) end

---Marks a table as an array, so that it stays one when it is empty.
---@param t? table
---@return table t
function wb.json.array(t) end

---Bytes as text.
wb.base64 = {}

---Bytes as base64. `opts.url`: with `-` and `_`, without padding.
---@param bytes string
---@param opts? table
---@return string text
function wb.base64.encode(bytes, opts) end

---The bytes; `nil, message, code` when the text is no base64.
---@param text string
---@param opts? table
---@return string bytes
function wb.base64.decode(text, opts) end

---Hashes, signatures, random bytes.
wb.crypto = {}

---SHA-256. `opts.as`: `"hex"` (default), `"base64"` or `"bytes"`.
---@param bytes string
---@param opts? table
---@return string digest
function wb.crypto.sha256(bytes, opts) end

---HMAC-SHA256, to sign what you send and to check what you get.
---@param key string
---@param bytes string
---@param opts? table
---@return string digest
function wb.crypto.hmac(key, bytes, opts) end

---n random bytes, 1 to 1024, fit for secrets.
---@param n integer
---@return string bytes
function wb.crypto.random(n) end

---Compares without telling by its time where two texts differ: for signatures and secrets.
---@param a string
---@param b string
---@return boolean same
function wb.crypto.equal(a, b) end

---`print` writes to the script's log too. Do not log what people write: logs are not sealed.
wb.log = {}

---A line in the script's log (REST: `GET /v1/scripts/{name}/log`) and the gateway's, with fields.
---@param text any
---@param fields? table
function wb.log.info(text, fields) end

---The same, to be looked at.
---@param text any
---@param fields? table
function wb.log.warn(text, fields) end

---The same, for what went wrong.
---@param text any
---@param fields? table
function wb.log.error(text, fields) end

---The same, for while you write the script.
---@param text any
---@param fields? table
function wb.log.debug(text, fields) end

---Numbers for `/metrics`, as `warbler_script_<name>{script="…"}`. At most 100 names in one script.
wb.metrics = {}

---Counts up.
---@param name string
---@param by? integer
function wb.metrics.counter(name, by) end

---A number as it is now.
---@param name string
---@param value integer
function wb.metrics.gauge(name, value) end

---Functions of plugins: `wb.plugins.<plugin>.<function>(…)`; their names are in the plugin's README and in `GET /v1/plugins`. Arguments and result have a JSON form; `nil, message, code` when it failed, `"not_found"` when no plugin has it.
wb.plugins = {}

---Declares a durable conversation: questions one after the other. It is stored after every step and goes on after a restart, a crash or a reload of the script. One flow at a time has a chat, and its messages go to it alone. `definition`:
---
---- `steps`: a list, below. `done`: what is said at the end (text, content or function). `on_end(f, reason)`: done, cancelled, timeout, handover, failed, version, opted_out.
---- `version` (1) and `migrate(old_version, {step, data})`: a conversation begun by another version gets what it returns; without it, it ends with `outdated`.
---- `timeout` ("24h"; false: never) with `timed_out`; `remind = {after = "10m", text = …}`.
---- `cancel`, `back`, `human`: lists of words (the first two have English ones; false: none), with `cancelled` and `handover`: what is said. `handover_for` ("12h"): how long a person has the chat.
---- `retry` (said when an answer does not fit; an English sentence by itself), `attempts` (5, then a person takes over), `failed` (said when the script has an error).
---
---A step is `{name =, ask = text, …}` or `{name =, run = function(f) … end}`. A question has `type` (text, number, email, phone, date, any), `min`, `max`, `integer`, `country`, `pattern`, `check(f, value)` (false and words to refuse, another value to store), or `choices` (texts or `{id =, text =}`, or a function; answered by number, words or vote) with `show` ("text", "menu", "poll"); also `retry`, `attempts`, `timeout`, `remind`. Every step: `next` (a step, "end", a table by answer, a function), `when(f)`. Texts may hold `{name}`: the answer to that step. What a `run` step does besides `f:say` may be done twice after a crash. More: scripts/TESTING.md.
---@param name string
---@param definition table
---@return warbler.Flow flow
function wb.flow(name, definition) end

---A declared conversation
---@class warbler.Flow
local Flow = {}

---Begins it in the chat of the message, or of `{session =, chat =, data =, replace =}`. `data` are answers known before. `conflict`: another flow or a person has the chat; `replace = true` ends another flow. The first question leaves right after.
---@param where? warbler.Message|table
---@param data? table
---@return string|nil id
---@return string message
---@return string code
function Flow:start(where, data) end

---Where this flow stands in that chat.
---@param where? warbler.Message|table
---@return table|nil
function Flow:active(where) end

---Ends it without a word; `on_end` runs with "cancelled".
---@param where? warbler.Message|table
---@return true|nil
---@return string message
---@return string code
function Flow:cancel(where) end

---What the functions of a flow get
---@class warbler.Step
---@field data table the answers by step; what a step puts there is stored with it
---@field msg warbler.Message the message that was the answer; nil after a restart
---@field session string 
---@field chat string JID
---@field id string of this run
---@field step string its name
---@field tries integer answers to this question that were refused
local Step = {}

---Sends a text or a content. Repeated after a crash it leaves once.
---@param what string|table
---@return string|nil id
---@return string message
---@return string code
function Step:say(what) end

---The step that comes next, once this one returns; "end" ends the flow.
---@param step string
function Step:go(step) end

---The flow ends when this step returns, with this text instead of `done`.
---@param text? string
function Step:finish(text) end

---When this step returns the flow ends and a person has the chat: event chat.held with the note.
---@param note? string
function Step:handover(note) end

---Rows for a spreadsheet.
wb.files = {}

---Appends to a file of this script, in `<data_dir>/script-files/<script>/`; a list becomes a line of CSV, quoted, and safe from being taken for a formula. `header` (a list) is written first when the file is new. `once = true`: not when the end of the file (64 KiB) has the same row already, so that a step that is repeated after a crash writes it once. The file is not sealed.
---@param name string
---@param row string|any[]
---@param opts? table
---@return true|nil
---@return string message
---@return string code
function wb.files.append(name, row, opts) end

return wb
