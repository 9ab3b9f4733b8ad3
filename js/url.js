/* SPDX-License-Identifier: Apache-2.0 */
/*
 * js/url.js - URL and URLSearchParams, from core-js. This is a script of its own: the supervisor has it as a text and
 * evaluates it only for a vat that asks for one of the two (globals.js), for its objects would make every worker larger.
 */
import URL from 'core-js-pure/web/url';
import URLSearchParams from 'core-js-pure/web/url-search-params';

export { URL, URLSearchParams };
