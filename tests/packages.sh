# install COMMAND-OR-FILE PACKAGE ...: Debian packages for what is missing, installed where that is possible, else named. Sourced.
install() {
	local missing=()
	for (( ; $#; )); do
		{ command -v "$1" || [ -e "$1" ]; } >/dev/null || missing+=("$2")
		shift 2
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
		echo "Please install: ${missing[*]}" >&2
		return 1
	fi
	echo "Installing ${missing[*]}"
	export DEBIAN_FRONTEND=noninteractive
	apt-get install -qy --no-install-recommends "${missing[@]}" >/dev/null 2>&1 ||
		{ apt-get update -q >/dev/null && apt-get install -qy --no-install-recommends "${missing[@]}" >/dev/null; }
}
