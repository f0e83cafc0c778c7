#!/usr/bin/env bash
# Runs COMMAND (preview or up) for STACK and leaves in OUTPUT its whole output (<command>-<stack>.txt) and how it went
# (<command>-<stack>.json: mode online or offline, status). KUBECONFIG_TEXT is the cluster; without it only an offline
# preview is possible. Both check the policies, see policies/README.md.
set -euo pipefail

name="$COMMAND-$STACK"
mkdir -p "$OUTPUT"
options=(--policies)
mode=online

# Unset settings arrive as empty strings, which the tools would take for values.
for variable in PULUMI_BACKEND_URL PULUMI_CONFIG_PASSPHRASE PULUMI_ACCESS_TOKEN; do
  if [ -z "${!variable:-}" ]; then unset "$variable"; fi
done

if [ -n "${KUBECONFIG_TEXT:-}" ]; then
  scratch="$(mktemp -d)"
  trap 'rm -rf "$scratch"' EXIT
  (umask 077 && printf '%s\n' "$KUBECONFIG_TEXT" >"$scratch/kubeconfig")
  export KUBECONFIG="$scratch/kubeconfig"
elif [ "$COMMAND" = preview ]; then
  mode=offline
else
  echo "error: there is no cluster to deploy $STACK to. Set KUBECONFIG in the environment of this job." >&2
  exit 1
fi

# In this checkout only: without a context of its own (or without a cluster) the stack would start a local cluster here.
node - "Pulumi.$STACK.yaml" <<'SCRIPT'
const { readFileSync, writeFileSync } = require('node:fs');
const { parse, parseDocument } = require('yaml');
const stack = parseDocument(readFileSync(process.argv[2], 'utf8'));
const context = ['config', 'agent-data-platform:kubeContext'];
const kubeconfig = process.env.KUBECONFIG_TEXT;
if (!kubeconfig) stack.setIn(['config', 'agent-data-platform:preview'], 'offline');
else if (!stack.hasIn(context)) stack.setIn(context, parse(kubeconfig)['current-context']);
writeFileSync(process.argv[2], String(stack));
SCRIPT
unset KUBECONFIG_TEXT
if [ "$COMMAND" = up ]; then options+=(--yes); fi

status=0
npm run --silent "$COMMAND" -- "$STACK" "${options[@]}" -- --diff --color never 2>&1 | tee "$OUTPUT/$name.txt" || status=$?
printf '{"mode":"%s","status":%d}\n' "$mode" "$status" >"$OUTPUT/$name.json"

# A step summary may hold 1 MiB; the artifact has the rest.
{
  printf '### %s of %s (%s)%s\n\n~~~~\n' "$COMMAND" "$STACK" "$mode" "$([ "$status" = 0 ] || echo ': failed')"
  head -c 900000 "$OUTPUT/$name.txt" | sed 's/~~~~/~~~/g'
  printf '\n~~~~\n'
} >>"${GITHUB_STEP_SUMMARY:-/dev/null}"
exit "$status"
