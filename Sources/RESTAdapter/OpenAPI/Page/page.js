// Shows the OpenAPI document beside it and sends its calls. Whatever comes from outside becomes text, never markup.
'use strict';

const byId = (id) => document.getElementById(id);

function element(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

// A value that a schema takes, to begin with.
function example(schema) {
  if (!schema) return null;
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return schema.enum[0];
  switch (Array.isArray(schema.type) ? schema.type[0] : schema.type) {
    case 'object': {
      const value = {};
      for (const [name, member] of Object.entries(schema.properties || {})) value[name] = example(member);
      return value;
    }
    case 'array': return schema.items ? [example(schema.items)] : [];
    case 'integer': case 'number': return schema.minimum || 0;
    case 'boolean': return false;
    case 'string': return '';
    default: return null;
  }
}

function cookie(name) {
  const found = document.cookie.split('; ').find((each) => each.startsWith(name + '='));
  return found ? found.slice(name.length + 1) : '';
}

async function send(base, method, path, inputs, body, output) {
  const query = new URLSearchParams();
  let target = path;
  for (const [parameter, input] of inputs) {
    if (parameter.in === 'path') target = target.replace(`{${parameter.name}}`, encodeURIComponent(input.value));
    else if (parameter.in === 'query' && input.value !== '') query.set(parameter.name, input.value);
  }
  const headers = {};
  if (byId('token').value) headers.Authorization = 'Bearer ' + byId('token').value;
  if (method !== 'get' && cookie('nz-csrf')) headers['X-CSRF-Token'] = cookie('nz-csrf');
  if (body) headers['Content-Type'] = 'application/json';
  const url = base + target + (query.size ? '?' + query : '');
  output.textContent = '…';
  try {
    const answer = await fetch(url, { method: method.toUpperCase(), headers, body: body ? body.value : undefined });
    const text = await answer.text();
    let shown = text;
    try { shown = JSON.stringify(JSON.parse(text), null, 2); } catch { /* not JSON: as it is */ }
    output.textContent = `${answer.status} ${answer.statusText}\n\n${shown}`;
  } catch (error) {
    output.textContent = String(error);
  }
}

function operation(base, method, path, said) {
  const content = element('div', {});
  content.append(element('p', { className: 'muted', textContent: said.description }));
  const inputs = [];
  const form = element('form', {});
  for (const parameter of said.parameters || []) {
    if (parameter.in === 'cookie') continue;
    const input = element('input', { required: Boolean(parameter.required) });
    inputs.push([parameter, input]);
    form.append(element('label', {}, element('code', { textContent: parameter.name }), input));
    if (parameter.schema && parameter.schema.description) {
      form.append(element('span', { className: 'muted', textContent: parameter.schema.description }));
    }
  }
  let body = null;
  const sent = said.requestBody && said.requestBody.content['application/json'];
  if (sent) {
    body = element('textarea', { spellcheck: false, value: JSON.stringify(example(sent.schema), null, 2) });
    form.append(body, folded('Schema of the body', sent.schema));
  }
  const output = element('pre', { textContent: 'not sent yet' });
  form.append(element('button', { textContent: 'Send' }));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    send(base, method, path, inputs, body, output);
  });
  content.append(form, output);
  const answers = said.responses['200'];
  if (answers && answers.content) content.append(folded('Schema of the answer', answers.content['application/json'].schema));
  const summary = element('summary', {},
    element('span', { className: 'method ' + method, textContent: method.toUpperCase() }),
    element('code', { textContent: path }), ' ' + said.summary);
  const details = element('details', {}, summary);
  // Made when it is opened: there are many, and each has schemas.
  details.addEventListener('toggle', () => details.append(content), { once: true });
  details.dataset.words = [method, path, said.summary, said.operationId, said.description].join(' ').toLowerCase();
  return details;
}

function folded(title, schema) {
  return element('details', {}, element('summary', { textContent: title }),
    element('pre', { textContent: JSON.stringify(schema, null, 2) }));
}

async function show() {
  const said = await (await fetch('doc.json')).json();
  byId('about').textContent = `${said.info.version}. ${said.info.description}`;
  const groups = new Map();
  for (const [path, methods] of Object.entries(said.paths)) {
    for (const [method, one] of Object.entries(methods)) {
      const tag = one.tags[0];
      if (!groups.has(tag)) groups.set(tag, []);
      groups.get(tag).push(operation(said.servers[0].url, method, path, one));
    }
  }
  for (const [tag, operations] of groups) {
    byId('operations').append(element('section', {}, element('h2', { textContent: tag }), ...operations));
  }
  byId('search').addEventListener('input', (event) => {
    const wanted = event.target.value.toLowerCase();
    for (const section of byId('operations').children) {
      for (const one of section.querySelectorAll(':scope > details')) one.hidden = !one.dataset.words.includes(wanted);
      section.hidden = !section.querySelector(':scope > details:not([hidden])');
    }
  });
}

show().catch((error) => { byId('about').textContent = String(error); });
