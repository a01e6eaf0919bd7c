#!/bin/sh
# A small MCP server for tests, without any program but the shell: $1 = how it behaves, $2 = its tools as a JSON list, $3 = a place.
mode=$1
tools=$2
reply() { printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$1" "$2"; }
fault() { printf '{"jsonrpc":"2.0","id":%s,"error":{"code":%s,"message":"no","data":{"supported":["2026-07-28"]}}}\n' "$1" "$2"; }
legacy='{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"sh","version":"1"}}'
modern='{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{}}}'
case $mode in
banner) printf 'Welcome!\n\n{"jsonrpc":"2.0","method":"notifications/message","params":{}}\n' ;;
long) printf '{"jsonrpc":"2.0","id":1,"result":{"x":"%0300000d"}}\n' 0 ;;
flood) while :; do printf '{"jsonrpc":"2.0","id":"s","method":"roots/list"}\n'; done ;;
words) printf "first\nno such \033[31m'configuration'\n" >&2; exit 3 ;;
child) /bin/sleep 300 & printf '%s' "$!" > "$3" ;;
esac
while IFS= read -r line; do
    id=${line#*\"id\":}
    id=${id%%,*}
    case $line in
    *'"method":"server/discover"'*)
        case $mode in
        modern | locked) reply "$id" "$modern" ;;
        leaves) exit 0 ;;
        silent) ;;
        future) reply "$id" '{"supportedVersions":["2030-01-01"]}' ;;
        *) fault "$id" -32601 ;;
        esac
        ;;
    *'"method":"initialize"'*)
        case $mode in
        modern) fault "$id" -32022 ;;
        old) reply "$id" '{"protocolVersion":"1999-01-01"}' ;;
        refuses) fault "$id" -32000 ;;
        *) reply "$id" "$legacy" ;;
        esac
        ;;
    *'"method":"tools/list"'*)
        case $mode in
        env) reply "$id" "{\"tools\":[{\"name\":\"read\",\"description\":\"GIVEN=$GIVEN FIXED=$FIXED OTHERS=$SECRET_OF_OTHERS HOME=$HOME CARGO=$CARGO_MANIFEST_DIR.\",\"inputSchema\":{\"type\":\"object\"}}]}" ;;
        pages)
            case $line in
            *'"cursor":"two"'*) reply "$id" "{\"tools\":$tools}" ;;
            *) reply "$id" '{"tools":[{"name":"first","inputSchema":{"type":"object"}}],"nextCursor":"two"}' ;;
            esac
            ;;
        endless) reply "$id" "{\"tools\":[],\"nextCursor\":\"$id\"}" ;;
        broken) reply "$id" '{"tools":7}' ;;
        mute) ;;
        *) reply "$id" "{\"tools\":$tools}" ;;
        esac
        ;;
    esac
done
