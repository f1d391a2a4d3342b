# SPDX-License-Identifier: BSD-2-Clause
# Completion of mailreevectl(8) for bash: /usr/share/bash-completion/completions/mailreevectl

_mailreevectl() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    local at command= part= choices=
    COMPREPLY=()

    # The command is the first word that is no option, nor the value of -s.
    for ((at = 1; at < COMP_CWORD; at++)); do
        case ${COMP_WORDS[at]} in
        -s) ((at++)) ;;
        -*) ;;
        *)
            command=${COMP_WORDS[at]}
            break
            ;;
        esac
    done
    for ((at++; at < COMP_CWORD; at++)); do
        case ${COMP_WORDS[at]} in
        --*) ;;
        *)
            part=${COMP_WORDS[at]}
            break
            ;;
        esac
    done

    case $before in
    -s | -c | --journal | --message)
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        return
        ;;
    --client | --helo | --from | --rcpt | --auth | --tls-subject | --port | --name | --log-line | \
        --nameserver | --domain | --since | --until | --top | --interval | --limit | -n)
        return
        ;;
    esac

    case $command in
    '') choices='status top reload explain why report limits forget lookup -s -V -h' ;;
    status | reload) choices='--json' ;;
    top) choices='--interval --json --help' ;;
    explain)
        choices='--client --helo --from --rcpt --auth --tls-subject --port --name --message
            --log-line --json --nameserver -c --help'
        ;;
    forget) choices='--help' ;;
    why) choices='--json --journal -c --help' ;;
    report) choices='--since --until --top --json --journal -c --help' ;;
    limits)
        case $part in
        '') choices='show predict top reset raise unraise raises --help' ;;
        top) choices='--json -n' ;;
        raise) choices='--json --limit until for unlimited' ;;
        *) choices='--json --limit' ;;
        esac
        ;;
    lookup)
        case $part in
        '') choices='spf iprev helo registered mx dmarc --help' ;;
        spf) choices='--client --helo --from --nameserver --json' ;;
        iprev) choices='--client --nameserver --json' ;;
        helo) choices='--client --helo --nameserver --json' ;;
        registered) choices='--client --domain --nameserver --json' ;;
        *) choices='--nameserver --json' ;;
        esac
        ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$word")
}

complete -F _mailreevectl mailreevectl
