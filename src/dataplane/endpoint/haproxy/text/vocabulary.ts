/** haproxy's keywords that do not decide where a connection goes: logs, time limits, limits. */

const words = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/));

/** Of proxies (Configuration Manual, section 4.1). */
export const PROXY_WORDS: ReadonlySet<string> = words(`
  appsession backlog bind-process block capture clitimeout clitcpka-cnt clitcpka-idle clitcpka-intvl
  compression contimeout declare default-server description dispatch dynamic-cookie-key email-alert
  errorfile errorfiles errorloc errorloc302 errorloc303 filter force-persist fullconn grace
  guid hash-balance-factor hash-preserve-affinity http-after-response http-check http-error
  http-response http-reuse http-send-name-header id ignore-persist load-server-state-from-file log
  log-format log-format-sd log-steps log-tag max-keep-alive-queue max-session-srv-conns maxconn
  monitor monitor-net monitor-uri persist quic-initial rate-limit reqadd reqallow reqdel reqdeny
  reqiallow reqidel reqideny reqipass reqirep reqitarpit reqpass reqrep reqtarpit retries retry-on
  rspadd rspdel rspdeny rspidel rspideny rspirep rsprep server-state-file-name server-template
  srvtcpka-cnt srvtcpka-idle srvtcpka-intvl srvtimeout stats stick-table tcp-check tcp-response
  timeout transparent unique-id-format unique-id-header use-fcgi-app
`);

/** Of the section `global` (section 3). */
export const GLOBAL_WORDS: ReadonlySet<string> = words(`
  51degrees-cache-size 51degrees-data-file 51degrees-property-name-list
  51degrees-property-separator busy-polling ca-base chroot close-spread-time cluster-secret cpu-map
  crt-base daemon default-path description deviceatlas-json-file deviceatlas-log-level
  deviceatlas-properties-cookie deviceatlas-separator expose-experimental-directives
  expose-deprecated-directives external-check fd-hard-limit gid grace group h1-accept-payload-with-any-method
  h1-case-adjust h1-case-adjust-file h2-workaround-bogus-websocket-clients hard-stop-after
  harden.reject-privileged-ports.quic harden.reject-privileged-ports.tcp
  insecure-fork-wanted insecure-setuid-wanted issuers-chain-path limited-quic localpeer log
  log-send-hostname log-tag lua-load lua-load-per-thread lua-prepend-path master-worker max-spread-checks
  maxcompcpuusage maxcomprate maxconn maxconnrate maxpipes maxsessrate maxsslconn maxsslrate
  maxzlibmem mworker-max-reloads nbproc nbthread no-memory-trimming no-quic node noepoll noevports
  nogetaddrinfo nokqueue nopoll noreuseport nosplice numa-cpu-mapping pidfile pp2-never-send-local
  presetenv prealloc-fd profiling.memory profiling.tasks quiet resetenv server-state-base
  server-state-file set-dumpable set-var set-var-fmt setcap setenv spread-checks
  ssl-default-bind-ciphers ssl-default-bind-ciphersuites ssl-default-bind-curves
  ssl-default-bind-options ssl-default-bind-sigalgs ssl-default-server-ciphers
  ssl-default-server-ciphersuites ssl-default-server-options ssl-dh-param-file ssl-engine
  ssl-load-extra-del-ext ssl-load-extra-files ssl-mode-async ssl-propquery ssl-provider
  ssl-provider-path ssl-server-verify ssl-skip-self-issued-ca stats strict-limits thread-group
  thread-groups thread-hard-limit uid ulimit-n unix-bind unsetenv user
  wurfl-cache-size wurfl-data-file wurfl-information-list wurfl-information-list-separator zero-warning
`);
