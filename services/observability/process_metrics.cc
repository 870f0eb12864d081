#include "services/observability/process_metrics.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <string>

#include "services/observability/families.h"

namespace capbroker {
namespace {

// Fields of /proc/self/stat after the name, which may contain spaces: [0] is the third field, the
// state.
std::vector<double> Stat() {
  std::ifstream in("/proc/self/stat");
  std::string line;
  std::getline(in, line);
  std::istringstream fields(line.substr(std::min(line.rfind(')') + 2, line.size())));
  std::string state;
  fields >> state;
  std::vector<double> out = {0};
  for (double value = 0; fields >> value;) out.push_back(value);
  return out;
}

// Boot time of the machine in seconds since 1970; 0 if unknown.
double BootTime() {
  std::ifstream in("/proc/stat");
  for (std::string word; in >> word;) {
    double time = 0;
    if (word == "btime" && in >> time) return time;
  }
  return 0;
}

// Without the descriptor used for counting; -1 if unknown.
int OpenFiles() {
  DIR* directory = opendir("/proc/self/fd");
  if (directory == nullptr) return -1;
  int files = -3;  // ".", "..", and the directory itself.
  while (readdir(directory) != nullptr) files++;
  closedir(directory);
  return files;
}

}  // namespace

std::vector<prometheus::MetricFamily> ProcessMetrics::Collect() const {
  std::vector<prometheus::MetricFamily> out;
  constexpr size_t kUser = 11, kSystem = 12, kThreads = 17, kStart = 19, kVirtual = 20,
                   kResident = 21;
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  if (const std::vector<double> stat = Stat(); stat.size() > kResident) {
    out.push_back(MakeCounter("process_cpu_seconds_total", "User and system time.",
                              (stat[kUser] + stat[kSystem]) / ticks));
    out.push_back(MakeGauge("process_resident_memory_bytes", "Memory in use.",
                            stat[kResident] * static_cast<double>(sysconf(_SC_PAGESIZE))));
    out.push_back(MakeGauge("process_virtual_memory_bytes", "Memory asked for.", stat[kVirtual]));
    out.push_back(MakeGauge("process_threads", "Threads.", stat[kThreads]));
    if (const double boot = BootTime(); boot > 0) {
      out.push_back(MakeGauge("process_start_time_seconds", "Start of the process, since 1970.",
                              boot + stat[kStart] / ticks));
    }
  }
  if (const int files = OpenFiles(); files >= 0) {
    out.push_back(MakeGauge("process_open_fds", "Open file descriptors.", files));
  }
  if (rlimit limit{}; getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    out.push_back(MakeGauge("process_max_fds", "Largest number of open file descriptors.",
                            static_cast<double>(limit.rlim_cur)));
  }
  return out;
}

}  // namespace capbroker
