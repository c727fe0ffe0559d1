notes = Notes to yourself
untitled = (no title yet)
archive = Archive ({ $count })
out-of-archive = Back to the chats
pin-chat = Pin
unpin-chat = Unpin
mute = Mute
unmute = Unmute
to-archive = Archive
from-archive = Take out of the archive
no-chats = No chats yet. Write to somebody by their user ID or contact link.
new-chat = Write to… (user ID or contact link)
slip-contact-link = This contact link is not whole: its beginning or its end is missing.
add-contact = Add { $user }
add-contact-of = The link is for { $server } and names this person's key.
add-contact-how = How did it come to you?
add-in-person = From their own screen or hands
add-in-person-means = Then their key counts as compared.
add-anywhere = In another way
add-anywhere-means = Then only the key in it is written to. That is worth as much as the way on which the link came; to be sure, compare the safety number.
search = Search
searching = Looking…
found-nothing = No message has these words.
search-more = More
search-here = Only in the open chat
search-everywhere = In all chats
you = You
choose-a-chat = Choose a chat, or begin a new one.
nothing-said = Nothing has been said here yet.
connecting = Connecting…
connected = Connected
connected-elsewhere = Another program with this profile keeps the connection.
disconnected = No connection: { $why }. Trying again.
write-here = Write a message
send = Send
today = Today
yesterday = Yesterday
new-messages =
    { $count ->
        [one] { $count } new message
       *[other] { $count } new messages
    }
to-the-end = To the newest
gap = Messages may be missing here.
edited = edited
deleted-message = deleted
unsupported = A message that this version does not know. Update PrivMsg.
file = { $name }, { $size }
answer-to = in reply to { $user }
state-queued = waiting
state-held = held back
state-held-others = held back: somebody has come since, or has another key
state-sent = sent
state-delivered = delivered
state-read = read
state-failed = not sent: { $why }
request-direct = { $user } would like to talk to you. They do not see whether you are there until you answer.
accept = Accept
decline = Decline
block = Block
declined = You have declined this chat.
gone-left = You have left this group.
gone-removed = You are no longer in this group.
gone-unknown = The server says that this group is gone, or that you are not in it.
is-group = group
is-request = request
group-of-id = Group { $id }
attach = Attach
leads-to = This link leads to { $host }:
follow = Open it in the browser
find-emoji = Find an emoji
no-such-emoji = There is no such emoji.
recording = Recording
discard = Discard
done-recording = Done
speed = { $times }×
voice-message = Voice message, { $length }
part-of-size = { $done } of { $size }
save-files = Save
files-coming = Downloading…
files-going = On its way to the server
stop = Stop
files-saved = Saved in { $folder }
show-folder = Show the folder
attach-refused = { $names }: cannot be sent. It is a folder, or cannot be read.
picture-says-all = As it is: its file may say where, when and with what it was taken.
picture-says-nothing = Place and camera are removed.
keep-as-it-is = Send as it is
make-anew = Remove place and camera
show-all = Show all of it
answer = Reply
copy = Copy
edit = Edit
take-back = Delete for everybody
delete-here = Delete here
editing = You are changing a message.
cancel = Cancel
unblock = Unblock
blocked-them = You have blocked { $user }: nothing that they write reaches you.
blocked-nothing-goes = Nothing can be written to somebody who is blocked.
request-people = There: { $people }
request-unread = What was said there can be read once you have accepted.
send-held = Send now
held-newcomers = It would go to these, too, who have come since, or have another key: { $people }
held-back =
    { $count ->
        [one] { $count } message is held back and waits for your word.
       *[other] { $count } messages are held back and wait for your word.
    }
sign-in-again = Sign in again
not-connected = Not connected
over = Nothing can be written here any more: this device is signed out.
unlisted-short = From a device that is not on the list
other-key-short = Under another key than the one you know
set-back = The server says that messages which this device has sent or received are missing here: the profile was restored from an older copy, is used on another machine too, or was away for longer than the server keeps messages; or the server is at fault. The chats are joined anew, and what is missing is marked.
clock-is-behind =
    { $days ->
        [one] The clock of this machine is { $days } day behind. Set it right.
       *[other] The clock of this machine is { $days } days behind. Set it right.
    }
clock-is-ahead =
    { $days ->
        [one] The clock of this machine is { $days } day ahead. Set it right.
       *[other] The clock of this machine is { $days } days ahead. Set it right.
    }
draft = Draft: { $text }
said-by-you = You: { $text }
answer-to-text = { $user }: { $text }
answer-to-unknown = in reply to { $user }, to something that is not here
sure-delete = Sure?
request-more-people = There: { $people } and { $more } more
request-namesake = This is not under the key that you know of { $user }: somebody else uses the name, or { $user } has started anew. Ask { $user } by another way.
request-group = { $user } has brought you into this group. Nobody there sees whether you are there until you answer; if you decline, they see that you leave.
show = Show
seen = Seen
failed-in = { $chat }: that was not done. { $why }
waits-to-be-let-in = Waits until another device of yours lets this one in
over-for-now = Nothing can be written here until the connection has begun anew.
told-hidden = A new message
forward = Forward
forwarding = Forwarding…
forward-to = To which chat?
no-such-chat = There is no such chat.
more-chats = And { $count } more: type more of the name.
