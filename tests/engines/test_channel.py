"""Framing."""

import socket
import threading

from hypothesis import given, settings
from hypothesis import strategies as st

from imgprep.engines.channel import Channel, Mailbox


@settings(deadline=None, max_examples=20)
@given(st.lists(st.binary(max_size=2000) | st.just(bytes(400_000)), max_size=8))
def test_messages_arrive_whole_and_in_order(messages):
    ours, theirs = socket.socketpair()
    mailbox, channel = Mailbox(ours), Channel(theirs)

    def echo() -> None:
        while (message := channel.receive()) is not None:
            channel.send(bytes(message))
        theirs.close()

    thread = threading.Thread(target=echo)
    thread.start()
    for message in messages:
        mailbox.send(message)
    received: list[bytes] = []
    finished = False
    while not mailbox.ended:
        mailbox.flush()
        if not mailbox.sending and not finished:
            mailbox.finish()
            finished = True
        received += map(bytes, mailbox.receive())
    thread.join()
    mailbox.close()
    assert received == messages


def test_half_a_message_is_none():
    ours, theirs = socket.socketpair()
    with theirs:
        ours.sendall(b"\x05\0\0\0\0\0\0\0abc")
        ours.close()
        assert Channel(theirs).receive() is None


def test_a_message_to_the_dead_is_no_error():
    ours, theirs = socket.socketpair()
    theirs.close()
    mailbox = Mailbox(ours)
    mailbox.send(b"hello")
    assert not mailbox.sending
    assert list(mailbox.receive()) == []
    assert mailbox.ended
    mailbox.finish()
    mailbox.close()
