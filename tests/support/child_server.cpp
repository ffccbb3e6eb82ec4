#include "support/child_server.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <thread>

namespace gantry::test {
namespace {

// Bounds against a hang, not expectations: anvil starts in about 0.2 s.
constexpr auto start_bound = std::chrono::seconds(60);
constexpr auto start_poll = std::chrono::milliseconds(10);

constexpr std::string_view listening = "Listening on 127.0.0.1:";

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> result;
  for (std::string& word : words) result.push_back(word.data());
  result.push_back(nullptr);
  return result;
}

struct Child {
  pid_t parent;
  int log;
  const char* folder;
  char* const* arguments;
  char* const* environment;
};

// Between fork and exec only what is safe after fork.
[[noreturn]] void become(const Child& child) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != child.parent) ::_exit(127);  // the parent was gone before prctl
  if (::chdir(child.folder) != 0) ::_exit(127);
  const int null = ::open("/dev/null", O_RDONLY);
  ::dup2(null, STDIN_FILENO);
  ::dup2(child.log, STDOUT_FILENO);
  ::dup2(child.log, STDERR_FILENO);
  ::execve(child.arguments[0], child.arguments, child.environment);
  ::_exit(127);
}

}  // namespace

ChildServer::ChildServer(std::string name, std::vector<std::string> words,
                         std::filesystem::path folder)
    : name_(std::move(name)), folder_(std::move(folder)) {
  try {
    start(words);
    wait_until_it_listens();
  } catch (...) {
    end();
    throw;
  }
}

void ChildServer::start(std::vector<std::string>& words) {
  // An environment of its own: what ours says is not for a test's server.
  const char* path = std::getenv("PATH");
  std::vector<std::string> variables = {
      "HOME=" + folder_.string(),
      std::string("PATH=") + (path != nullptr ? path : "/usr/bin:/bin")};
  const std::vector<char*> argv = pointers(words);
  const std::vector<char*> envp = pointers(variables);
  const std::string folder = folder_.string();

  const std::string log_path = (folder_ / "output").string();
  const int log = ::open(log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (log < 0) throw std::system_error(errno, std::generic_category(), log_path);
  const Child child{::getpid(), log, folder.c_str(), argv.data(), envp.data()};
  pid_ = ::fork();
  if (pid_ == 0) become(child);
  const int fork_errno = errno;
  ::close(log);
  if (pid_ < 0) throw std::system_error(fork_errno, std::generic_category(), "fork");
}

void ChildServer::wait_until_it_listens() {
  const auto give_up = std::chrono::steady_clock::now() + start_bound;
  while (std::chrono::steady_clock::now() < give_up) {
    const std::string text = output();
    const auto at = text.find(listening);
    const auto end_of_line = at == std::string::npos ? at : text.find('\n', at);
    if (end_of_line != std::string::npos) {
      const auto port = at + listening.size();
      url_ = "http://127.0.0.1:" + text.substr(port, end_of_line - port);
      return;
    }
    if (::waitpid(pid_, nullptr, WNOHANG) == pid_) {
      pid_ = -1;
      throw std::runtime_error(name_ + " ended at once; it wrote:\n" + text);
    }
    std::this_thread::sleep_for(start_poll);
  }
  throw std::runtime_error(name_ + " did not begin to listen; it wrote:\n" + output());
}

void ChildServer::end() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

std::string ChildServer::output() const {
  std::ifstream file(folder_ / "output");
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace gantry::test
