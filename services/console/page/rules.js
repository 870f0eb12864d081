// Which rule of the rule book (docs/rulebook.md) each kind of decision is made under, as broker/trail/kinds.h has it. A kind
// that only records what happened stands under R29.

export const kRules = {
  R1: 'how a first refusal is asked', R2: 'notice', R3: 'the deadline', R5: 'silence', R6: 'acceptance, whole or in part',
  R7: 'counters', R8: 'decline', R9: 'fallback', R10: 'no better terms', R11: 'qualified bids',
  R12: 'close within', R13: 'amendments', R14: 'hold and confirm', R15: 'withdrawal', R16: 'nobody is left',
  R17: 'a clause ends', R18: 'triggers', R19: 'exclusive and not taken', R20: 'waivers', R21: 'the commitment',
  R22: 'outages', R23: 'the breaker', R24: 'splitting', R25: 'feasibility and expiry', R26: 'late answers',
  R28: 'cancel and release', R29: 'the record',
};

const kUnder = {
  R1: 'ROUTE_FIRST_REFUSAL ROUTE_OPEN',
  R2: 'NOTICE_ATTEMPTED',
  R3: 'DEADLINE_EXTENDED',
  R5: 'OFFER_LAPSED',
  R6: 'OFFER_ACCEPTED OFFER_PARTIALLY_ACCEPTED',
  R7: 'OFFER_COUNTERED COUNTER_TAKEN',
  R8: 'OFFER_DECLINED',
  R9: 'PROVIDER_SKIPPED FALLBACK_STARTED BEST_BID_SELECTED BID_LOST PROVIDER_SUSPENDED PROVIDER_RESUMED',
  R10: 'MATCH_REQUIRED MATCH_NOT_REQUIRED',
  R11: 'BID_RECEIVED BID_DISQUALIFIED',
  R12: 'RIGHT_REVIVED',
  R13: 'REQUEST_AMENDED MATERIAL_CHANGE IMMATERIAL_CHANGE OFFER_SUPERSEDED',
  R14: 'ALLOCATION_HELD ALLOCATION_CONFIRMED ALLOCATION_EXPIRED',
  R15: 'WITHDRAWAL_NOTICED ALLOCATION_WITHDRAWN',
  R16: 'REQUEST_FULFILLED REQUEST_PARTIALLY_FULFILLED REQUEST_UNFILLED STANDBY_PROMOTED FALLBACK_EXHAUSTED',
  R17: 'OFFER_VOIDED MATCH_SKIPPED AGREEMENT_SUPERSEDED CLAUSE_ENDED AGREEMENT_TERMINATED',
  R18: 'TRIGGER_ASSERTED TRIGGER_DISPUTED DISPUTE_RESOLVED TRIGGER_ATTESTED TRIGGER_REJECTED '
    + 'TRIGGER_WITHDRAWN TRIGGER_EFFECTIVE',
  R19: 'REQUEST_BLOCKED ROUTE_EXCLUSIVE',
  R20: 'ROUTE_WAIVED WAIVER_TESTED WAIVER_DRAWN WAIVER_RESTORED WAIVER_GRANTED WAIVER_REVOKED',
  R21: 'COMMITMENT_RESERVED COMMITMENT_DRAWN COMMITMENT_RELEASED COMMITMENT_RESTORED COMMITMENT_INCREASED '
    + 'COMMITMENT_EXCEEDED',
  R22: 'DEADLINE_TOLLED RECOVERY_RESUMED',
  R23: 'PROVIDER_TRIPPED PROVIDER_HEALED',
  R24: 'AGGREGATION_APPLIED',
  R25: 'REQUEST_EXPIRED',
  R26: 'RESPONSE_REJECTED STANDBY_RECORDED',
  R28: 'REQUEST_CANCELLED OFFER_RESCINDED ALLOCATION_RELEASED RELEASE_NOTICED',
  R29: 'REQUEST_RECEIVED AGREEMENT_ACTIVATED PROVIDER_REGISTERED PROVIDER_UPDATED',
};
const ruleOfKind = new Map(Object.entries(kUnder).flatMap(([rule, kinds]) => kinds.split(' ').map((kind) => [kind, rule])));

// Why a provider is asked decides under which rule.
const kAsked = {EXCLUSIVE_ASK: 'R19', FIRST_OFFER: 'R1', MATCH: 'R10', ALTERNATIVE: 'R9', REOFFER: 'R16'};
// And how a right ended, under which it is waived.
const kWaived = {SILENCE: 'R5', DECLINED: 'R8', COUNTER_NOT_TAKEN: 'R7', REMAINDER: 'R6', NOT_CONFIRMED: 'R14', WITHDRAWN: 'R15',
  WITHDREW: 'R15'};

// {number, words} of a decision, as its body has it; null for a kind that this page does not know.
export function ruleOf(decision) {
  const number = decision.kind === 'OFFER_OPENED' ? kAsked[decision.offer_kind]
    : decision.kind === 'RIGHT_WAIVED' ? kWaived[decision.reason] ?? 'R6' : ruleOfKind.get(decision.kind);
  return number ? {number, words: kRules[number]} : null;
}
