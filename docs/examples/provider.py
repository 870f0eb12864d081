#!/usr/bin/env python3
"""A provider's desk: watches the offers made to it and answers each, once.

  provider.py --provider azure --token-file azure.token --accept          takes what it is offered
  provider.py --provider azure --token-file azure.token --accept 5000     at most so much, where a part may be taken
  provider.py --provider azure --token-file azure.token --decline NO_CAPACITY
"""

import hashlib

import grpc

from broker import Broker, line_of, main, parser_of, part_of
from stubs import offer_calls, offer_stubs, offers

Offer = offers.Offer


def key_of(offer):
    """The idempotency key of the one answer to this offer: the same after a restart, so nothing is answered twice."""
    return "answer-" + hashlib.sha256(offer.name.encode()).hexdigest()


def answer(broker, stub, offer, arguments):
    part = part_of(offer, arguments.accept or offer.quantity) if arguments.decline is None else None
    if part is not None:
        # terms_hash says which terms are taken: other terms would be TERMS_MISMATCH, never a surprise.
        return broker.call(stub.AcceptOffer, offer_calls.AcceptOfferRequest(
            name=offer.name, request_id=key_of(offer), terms_hash=offer.terms_hash,
            quantity=0 if part == offer.quantity else part))
    decline = offers.Decline(text="answered by provider.py")
    decline.reason = offers.DeclineReason.Value("DECLINE_REASON_" + (arguments.decline or "NO_CAPACITY"))
    return broker.call(stub.DeclineOffer, offer_calls.DeclineOfferRequest(
        name=offer.name, request_id=key_of(offer), decline=decline))


def run(arguments):
    broker = Broker(arguments)
    stub = offer_stubs.OfferServiceStub(broker.channel)
    answers = 0
    for message in broker.watch(stub.WatchOffers,
                                offer_calls.WatchOffersRequest(parent=f"providers/{arguments.provider}")):
        for offer in message.offers:
            if offer.state != Offer.STATE_OPEN or (offer.sealed and arguments.decline is None):
                continue  # A sealed offer wants a bid (SubmitBid).
            print(f"asked {offer.name} {offer.quantity} {offer.terms.unit} of {offer.terms.resource_type}", flush=True)
            try:
                done = answer(broker, stub, offer, arguments)
            except grpc.RpcError as error:
                if error.code() in (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED):
                    raise
                print(f"refused {offer.name} {line_of(error)}", flush=True)  # This one is over; the next may not be.
                continue
            taken = f" {done.accepted_quantity}" if done.accepted_quantity else ""
            print(f"answered {done.name} {Offer.State.Name(done.state)[len('STATE_'):]}{taken}", flush=True)
            answers += 1
            if answers == arguments.answers:
                return
        if message.synced:
            print("watching", flush=True)


if __name__ == "__main__":
    parser = parser_of(__doc__)
    parser.add_argument("--provider", required=True)
    parser.add_argument("--accept", type=int, nargs="?", const=0, metavar="MOST")
    parser.add_argument("--decline", metavar="REASON")
    parser.add_argument("--answers", type=int, default=0, help="end after so many; 0: go on")
    main("provider.py", run, parser.parse_args())
