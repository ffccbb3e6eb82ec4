#include "program.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>
#include <utility>

namespace gantry::host::tests {

namespace fs = std::filesystem;

std::string read_text(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

void write_text(const fs::path& path, std::string_view text) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << text;
  out.close();
  REQUIRE(out);
}

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

Workspace::Workspace() : program(GANTRY_PROGRAM) {
  for (const char* folder : {"config", "home", "runtime"}) fs::create_directory(path() / folder);
  fs::permissions(path() / "runtime", fs::perms::owner_all);
  for (const char* file : {"gantry.toml", "dex_config.toml", "strategies.toml"}) {
    fs::copy_file(fs::path(GANTRY_SOURCE) / "config" / file, path() / "config" / file);
  }
  edit("gantry.toml", "\"../data/", "\"" GANTRY_SOURCE "/data/");
  edit("gantry.toml", "\"../build/release/plugins\"", "\"" GANTRY_PLUGINS "\"");
}

void Workspace::edit(std::string_view file, std::string_view from, std::string_view to) const {
  std::string text = read_text(path() / "config" / file);
  const std::size_t at = text.find(from);
  INFO(from);
  REQUIRE(at != std::string::npos);
  write_text(path() / "config" / file, text.replace(at, from.size(), to));
}

void Workspace::append(std::string_view file, std::string_view text) const {
  write_text(path() / "config" / file, read_text(path() / "config" / file) + std::string(text));
}

Running Workspace::start(std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(), program.string());
  if (names_config) arguments.push_back("--config=" + (path() / "config").string());
  return spawn(std::move(arguments));
}

Ended Workspace::shell(const std::string& line, std::vector<std::string> arguments) const {
  return start_shell(line, std::move(arguments)).wait();
}

Running Workspace::start_shell(const std::string& line, std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(), {"/bin/sh", "-c", line, program.string()});
  arguments.push_back("--config=" + (path() / "config").string());
  return spawn(std::move(arguments));
}

// The first word is the program's file.
Running Workspace::spawn(std::vector<std::string> words) const {
  static std::atomic<int> number = 0;
  const std::string id = std::to_string(++number);
  const fs::path out = path() / ("out" + id);
  const fs::path err = path() / ("err" + id);
  std::map<std::string, std::string> environment = {
      {"PATH", "/usr/bin:/bin"},
      {"HOME", (path() / "home").string()},
      {"XDG_RUNTIME_DIR", (path() / "runtime").string()}};
  for (const auto& [key, value] : variables) environment[key] = value;
  std::vector<std::string> pairs;
  for (const auto& [key, value] : environment) pairs.push_back(key + "=" + value);
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  std::vector<char*> envp;
  for (std::string& pair : pairs) envp.push_back(pair.data());
  envp.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_addopen(&actions, 2, err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  pid_t pid = 0;
  const int failure =
      ::posix_spawn(&pid, argv.front(), &actions, nullptr, argv.data(), envp.data());
  posix_spawn_file_actions_destroy(&actions);
  REQUIRE(failure == 0);
  return {pid, out, err};
}

Ended Workspace::run(std::vector<std::string> arguments) const {
  return start(std::move(arguments)).wait();
}

Running::Running(pid_t pid, fs::path out, fs::path err)
    : pid_(pid), out_(std::move(out)), err_(std::move(err)) {}

Running::Running(Running&& other) noexcept
    : pid_(other.pid_),
      status_(other.status_),
      reaped_(std::exchange(other.reaped_, true)),
      out_(std::move(other.out_)),
      err_(std::move(other.err_)) {}

Running::~Running() {
  if (reaped_) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void Running::signal(int number) const { ::kill(pid_, number); }

fs::path Running::file_of(int descriptor) const {
  return fs::read_symlink("/proc/" + std::to_string(pid_) + "/fd/" + std::to_string(descriptor));
}

bool Running::ended() {
  if (!reaped_) reaped_ = ::waitpid(pid_, &status_, WNOHANG) == pid_;
  return reaped_;
}

Ended Running::wait() {
  if (!reaped_) {
    REQUIRE(::waitpid(pid_, &status_, 0) == pid_);
    reaped_ = true;
  }
  const int code = WIFEXITED(status_) ? WEXITSTATUS(status_) : 128 + WTERMSIG(status_);
  Ended ended{code, read_text(out_), read_text(err_)};
  // Whatever code the test expects: what a sanitizer found in the program is a fault.
  if (has(ended.err, "Sanitizer") || has(ended.err, "runtime error:")) FAIL(ended.err);
  return ended;
}

}  // namespace gantry::host::tests
