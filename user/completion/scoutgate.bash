# SPDX-License-Identifier: GPL-2.0-or-later
# Completion of scoutgate(8) in bash.

# Set verb to the first word that is neither an option nor an option's value.
_scoutgate_verb() {
	local i
	verb=""
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-c | --config | --pin-dir | --state-dir | --for | --until | --role | \
			--state | --remote | --port | --rule | --sort | --top | \
			--reason | --case | --head | --key | --event | --since | --before)
			i=$((i + 1))
			[ "${COMP_WORDS[i]}" != = ] || i=$((i + 1))
			;;
		-* | = | [0-9]*) ;; # a number is the value of --watch
		*)
			verb=${COMP_WORDS[i]}
			return
			;;
		esac
	done
}

_scoutgate() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
	local options="-c --config --pin-dir --state-dir --json --clsact --help -V
		--version"
	local keys="bytes in-bytes out-bytes packets age idle state remote local"
	local action=-W words="" prefix="" verb

	_scoutgate_verb
	case $verb in
	grant) options+=" --for --until --reason --case" ;;
	revoke) options+=" --reason --case" ;;
	who) options+=" --since --before --remote" ;;
	ledger) options+=" --head --key --event --since --before --remote --html --text" ;;
	status | forwards | drops) options+=" --watch" ;;
	flows) options+=" --watch --role --state --remote --port --rule --sort
		--top" ;;
	esac
	# bash makes three words of --option=value
	if [ "$word" = = ]; then
		word=""
	elif [ "$before" = = ]; then
		before=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	case $before in
	-c | --config) action=-f ;;
	--pin-dir | --state-dir) action=-d ;;
	--for) words="10m 30m 1h 8h" ;;
	--role) words="vpn lan container host" ;;
	--state) words="live all new answered assured syn-sent syn-received refused
		established closing reset" ;;
	--sort)
		words="$keys -${keys// / -}"
		prefix=${word%"${word##*,}"}
		;;
	--event) words="flow attempts refused grant start stop clock link address
		policy peer note gap checkpoint" ;;
	--until | --remote | --port | --rule | --top | --reason | --case | --head | \
		--key | --since | --before) ;;
	*)
		case $word:$verb in
		-*) words=$options ;;
		*: | *:help) words="check up run reload down grant revoke status
			flows forwards drops who peer ledger help" ;;
		*:grant | *:revoke) words="lan-access host-control" ;;
		*:ledger) words="head verify show report init export anchor note
			purge" ;;
		*:who) action=-d ;;
		*:check) action=-f ;;
		*) words=$options ;;
		esac
		;;
	esac
	if [ $action = -W ]; then
		mapfile -t COMPREPLY < <(compgen -P "$prefix" -W "$words" -- \
			"${word#"$prefix"}")
	else
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen $action -- "$word")
	fi
}
complete -F _scoutgate scoutgate
