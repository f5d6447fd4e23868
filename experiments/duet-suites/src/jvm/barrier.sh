# The barrier of the harnesses that Charles University patched: the agent through which a JVM waits, and the tool that makes
# what it waits at. Needs ant, gcc, git and a JDK.
# usage: barrier.sh REPOSITORY@COMMIT FOLDER
repository=${1%@*} commit=${1##*@} folder=$2
[ ! -x "$folder/ubench-barrier" ] || exit 0
mkdir -p "$folder/source"
cd "$folder/source"
git init -q
git fetch -q --depth 1 "$repository" "$commit"
git checkout -q FETCH_HEAD
JAVA_HOME=$(dirname "$(dirname "$(readlink -f "$(command -v javac)")")")
export JAVA_HOME
ant -q compile
cp out/agent/libubench-agent.so out/barrier/ubench-barrier "$folder"
