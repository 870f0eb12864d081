// Sign-in: a token, kept for this tab only, and the caller that it identifies.

import {call, token} from './api.js';
import {el} from './dom.js';
import {refusalInWords} from './words.js';

// {role, name}; throws a Refusal.
export async function whoAmI() {
  const caller = await call('CallerService/GetCaller');
  const [role, name] = caller.actor.split('/');
  return {role, name};
}

export function signInPage(main, signedIn, why = '') {
  const said = el('p', {class: 'complaint', id: 'complaint', role: 'alert'}, why);
  const input = el('input', {id: 'token', name: 'token', type: 'password', autocomplete: 'off', required: true,
    spellcheck: 'false', 'aria-describedby': 'token-hint complaint'});
  const button = el('button', {type: 'submit', class: 'first'}, 'Sign in');
  const submit = async (event) => {
    event.preventDefault();
    token.set(input.value.trim());
    button.disabled = true;
    said.textContent = '';
    try {
      signedIn(await whoAmI());
    } catch (refusal) {
      token.forget();
      button.disabled = false;
      said.textContent = refusalInWords(refusal);
      input.focus();
    }
  };
  main.replaceChildren(el('form', {class: 'card narrow', onsubmit: submit},
    el('h1', {}, 'Sign in'),
    el('label', {for: 'token'}, 'Token'),
    input,
    el('p', {class: 'hint', id: 'token-hint'},
      'The token that an operator gave you. It stays in this tab and is sent only to this broker.'),
    said, button));
  input.focus();
}
