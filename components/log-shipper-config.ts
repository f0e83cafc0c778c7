/** Configuration of the log shipper: rsyslog reads and parses, nginx in the same pod speaks TLS to Elasticsearch. */

/** Where container logs are on every Kubernetes node. @see https://kubernetes.io/docs/concepts/cluster-administration/logging/ */
export const LOGS = '/var/log/pods';
/** Where the offsets and what is not yet acknowledged are kept. */
export const STATE = '/state';
/** Where nginx finds its login and the certificate authority. */
export const FRONT = '/etc/log-shipper-front';
/** Keys of that Secret: the login as a line of nginx, and the authority. */
export const frontKeys = { login: 'login.conf', ca: 'ca.crt' } as const;

/** Data streams by what they hold: their templates are in migrations/elasticsearch. */
export const dataStreams = { audit: 'logs-audit-platform', stores: 'logs-stores-platform' } as const;

/** Port of nginx, on 127.0.0.1 only. */
const FRONT_PORT = 9200;
/** Port that answers probes. */
export const HEALTH_PORT = 8080;

/** Sets a field of the document when there is a value. */
const copy = (field: string, source: string) => `if ${source} != "" then set $!doc!${field} = ${source};`;

interface AuditSource {
  /** Condition on the parsed line. */
  readonly when: string;
  /** Values of the line that are none of the data: field of the document by variable. */
  readonly fields: Readonly<Record<string, string>>;
  readonly constants: Readonly<Record<string, string>>;
}

/** Lines that are an audit trail; what a line has besides these fields is not shipped. */
const auditSources: readonly AuditSource[] = [
  {
    // https://cloudnative-pg.io/documentation/current/logging/#pgaudit-logs
    when: '$.in!logger == "pgaudit"',
    constants: { 'event!dataset': 'postgresql.audit', 'event!category': 'database' },
    fields: {
      'user!name': '$.in!record!user_name',
      'database!name': '$.in!record!database_name',
      'database!statement!class': '$.in!record!audit!class',
      'database!statement!command': '$.in!record!audit!command',
      'database!object!type': '$.in!record!audit!object_type',
      'database!object!name': '$.in!record!audit!object_name',
      'source!address': '$.in!record!connection_from',
    },
  },
  {
    // The proxy in front of stores that have no authentication, see auth-proxy.ts.
    when: '$.in!log == "access"',
    constants: { 'event!dataset': 'proxy.access', 'event!category': 'web' },
    fields: {
      'user!name': '$.in!user',
      'user!roles': '$.in!role',
      'http!request!method': '$.in!method',
      'url!path': '$.in!path',
      'http!response!status_code': '$.in!status',
    },
  },
  {
    // https://github.com/minio/minio/tree/master/docs/logging#audit-targets, written out by audit-webhook.ts.
    when: '$.in!deploymentid != "" and $.in!api!name != ""',
    constants: { 'event!dataset': 'minio.audit', 'event!category': 'file' },
    fields: {
      'event!action': '$.in!api!name',
      'user!name': '$.in!accessKey',
      'source!address': '$.in!remotehost',
      'database!name': '$.in!api!bucket',
      'database!object!name': '$.in!api!object',
      'http!response!status_code': '$.in!api!statusCode',
    },
  },
  {
    // https://www.elastic.co/docs/reference/elasticsearch/elasticsearch-audit-events
    when: '$.in!type == "audit"',
    constants: { 'event!dataset': 'elasticsearch.audit', 'event!category': 'database' },
    fields: {
      'event!action': '$.in!event.action',
      'user!name': '$.in!user.name',
      'source!address': '$.in!origin.address',
      'http!request!method': '$.in!request.method',
      'url!path': '$.in!url.path',
    },
  },
];

function auditBranch({ when, constants, fields }: AuditSource): string {
  const lines = [
    'set $.stream = "audit";',
    ...Object.entries(constants).map(([field, value]) => `set $!doc!${field} = "${value}";`),
    ...Object.entries(fields).map(([field, source]) => copy(field, source)),
  ];
  return `if ${when} then {\n${indented(lines.join('\n'), 4)}\n  }`;
}

/** What the two actions share: a document is created, never replaced, and its identifier is where its line stands. */
function action(template: string, again: string): string {
  return `action(
    type="omelasticsearch"
    server="127.0.0.1" serverport="${FRONT_PORT}" esVersion.major="8"
    template="${template}" bulkmode="on" maxbytes="4m" writeoperation="create"
    searchIndex="stream${again}" dynSearchIndex="on" searchType=""
    bulkid="id${again}" dynbulkid="on"
    retryfailures="on" retryruleset="again" ratelimit.interval="0"
    action.resumeRetryCount="-1" action.resumeInterval="2" action.resumeIntervalMax="30"
  )`;
}

/** What is read is on disk before its offset is, and leaves the disk when Elasticsearch has it. */
function queue(name: string): string {
  return (
    `queue.type="Disk" queue.filename="${name}" queue.checkpointInterval="1" queue.size="20000"\n` +
    `  queue.maxDiskSpace="4g" queue.maxFileSize="8m" queue.dequeueBatchSize="256" queue.timeoutShutdown="2000"`
  );
}

/**
 * Configuration of rsyslog, which reads the logs of one namespace's containers.
 * @see https://www.rsyslog.com/doc/configuration/modules/imfile.html
 */
export function rsyslogConfiguration(namespace: string): string {
  const [first, ...others] = auditSources.map(auditBranch);
  return `global(
  abortOnUncleanConfig="on" workDirectory="${STATE}" maxMessageSize="256k" net.enableDNS="off" localHostname="log-shipper"
)
module(load="imfile")
module(load="omelasticsearch")

template(name="document" type="list") { property(name="$!doc") }
template(name="stream" type="string" string="%$.index%")
template(name="id" type="string" string="%$.id%")
template(name="documentagain" type="string" string="%$!all-json%")
template(name="streamagain" type="string" string="%$.index%")
template(name="idagain" type="string" string="%$.omes!_id%")
template(name="line" type="string" string="%msg%\\n")
template(name="refused" type="string" string="%$.error%\\n")

# What rsyslog says itself.
if $syslogtag startswith "rsyslogd" then action(type="omfile" file="/dev/stdout" template="line")

# A line longer than 16 KiB comes in parts, of which the last is marked F.
input(
  type="imfile" file="${LOGS}/${namespace}_*/*/*.log" tag="container" ruleset="ship" addMetadata="on"
  endmsg.regex="^[^ ]+ (stdout|stderr) F" escapeLF="off" discardTruncatedMsg="on" msgDiscardingError="off"
  persistStateInterval="100" persistStateAfterSubmission="on"
)

ruleset(
  name="ship"
  ${queue('ship')}
) {
  set $.folder = field($!metadata!filename, 47, 5);
  set $.container = field($!metadata!filename, 47, 6);
  set $.pod = field($.folder, 95, 2);
  set $.time = field($msg, 32, 1);
  set $.id = field($.folder, 95, 3) & "-" & $.container & "-" & $.time & "-" & $!metadata!fileoffset;
  set $.text = re_extract($msg, '^[^ ]+ [^ ]+ [FP] (.*)$', 0, 1, "");
  set $.stream = "stores";
  set $!doc!@timestamp = $.time;
  set $!doc!host!name = $.pod;
  set $!doc!service!name = $.container;
  set $.parsed = parse_json($.text, "\\$.in");
  if $.parsed != 0 then {
    # Parts do not make a whole again; what says who did what stands before the statement.
    set $.head = re_extract($.text, '^([{].*"audit":[{][^{}]*)"statement":"', 0, 1, "");
    if $.head != "" then set $.parsed = parse_json($.head & '"statement":""}}}', "\\$.in");
  }
  if $.parsed != 0 then {
    if re_match($.text, '^[{]') then set $!doc!message = "a line of JSON that cannot be read";
    else set $!doc!message = $.text;
  }
  else ${first}
${others.map((branch) => `  else ${branch}`).join('\n')}
  else if $.in!logger == "postgres" then {
    ${copy('message', '$.in!record!message')}
    ${copy('log!level', '$.in!record!error_severity')}
    set $!doc!log!logger = "postgres";
  }
  else {
    set $!doc!message = $.text;
  }
  if $.stream == "audit" then set $.index = "${dataStreams.audit}";
  else set $.index = "${dataStreams.stores}";
  ${action('document', '')}
}

# Elasticsearch answers for each document of a request; this sends again what it could not take at that time.
ruleset(
  name="again"
  ${queue('again')} queue.dequeueSlowdown="10000"
) {
  if $.omes!status == 200 or $.omes!status == 201 or $.omes!status == 409 then stop
  if $.omes!status == 400 then {
    set $.error = "a line is not shipped: " & $.omes!error!type & ": " & $.omes!error!reason;
    action(type="omfile" file="/dev/stdout" template="refused")
    stop
  }
  if $!event!category != "" then set $.index = "${dataStreams.audit}";
  else set $.index = "${dataStreams.stores}";
  ${action('documentagain', 'again')}
}
`;
}

/**
 * Configuration of nginx, which hands rsyslog's requests on with the login. rsyslog takes any answer for an
 * acknowledgement but a broken connection, so that is what it gets while Elasticsearch refuses a whole request.
 * @param server Name of Elasticsearch's Service, which its certificate is for, and port.
 * @see https://nginx.org/en/docs/http/ngx_http_proxy_module.html
 */
export function frontConfiguration({ host, port }: { readonly host: string; readonly port: number }): string {
  return `worker_processes 1;
pid /tmp/nginx.pid;
error_log stderr warn;
events { worker_connections 64; }
http {
  map $status $refused { ~^[23] 0; default 1; }
  log_format refused '$time_iso8601 Elasticsearch answers $upstream_status, trying again';
  access_log /dev/stdout refused if=$refused;
  server_tokens off;
  client_max_body_size 16m;
  client_body_buffer_size 1m;
  client_body_temp_path /tmp/client_body;
  proxy_temp_path /tmp/proxy;
  fastcgi_temp_path /tmp/fastcgi;
  uwsgi_temp_path /tmp/uwsgi;
  scgi_temp_path /tmp/scgi;
  upstream elasticsearch {
    server ${host}:${port};
    keepalive 4;
  }
  server {
    listen 127.0.0.1:${FRONT_PORT};
    # Asked before what was refused is sent again; the answer to that says more.
    location = /_cat/health { return 204; }
    location = /_bulk {
      proxy_pass https://elasticsearch;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host ${host};
      include ${FRONT}/${frontKeys.login};
      proxy_ssl_verify on;
      proxy_ssl_verify_depth 3;
      proxy_ssl_trusted_certificate ${FRONT}/${frontKeys.ca};
      proxy_ssl_name ${host};
      proxy_ssl_server_name on;
      proxy_intercept_errors on;
      error_page 401 403 404 408 429 500 502 503 504 = @refused;
    }
    location @refused { return 444; }
  }
  server {
    listen ${HEALTH_PORT};
    location = /health { return 204; }
  }
}
`;
}

/** The line of nginx that adds a login to a request. */
export function loginLine(username: string, password: string): string {
  const encoded = Buffer.from(`${username}:${password}`).toString('base64');
  return `proxy_set_header Authorization "Basic ${encoded}";\n`;
}

function indented(text: string, spaces: number): string {
  return text.replaceAll(/^/gm, ' '.repeat(spaces));
}
