// Which instruction set the kernels use. Chosen once at run time from what the CPU and the operating system offer.
#pragma once
#include <string>
#include <vector>

namespace iph {

// "plain" is what the compiler makes of the baseline: SSE2 on x86-64, NEON on aarch64.
enum class CpuPath { plain = 0, avx2 = 1, avx512 = 2 };

// The path in use: the widest that this machine supports, unless set_cpu_path chose another or the environment variable
// IPH_RT_CPU (plain, avx2, avx512) named one that the machine supports.
CpuPath cpu_path();

// Paths that this build and this machine support, narrowest first.
std::vector<CpuPath> supported_cpu_paths();

// For tests and benchmarks. Throws std::invalid_argument if the machine does not support the path.
void set_cpu_path(CpuPath path);

std::string cpu_path_name(CpuPath path);  // "plain" (or "neon" on aarch64), "avx2", "avx512"
CpuPath cpu_path_from_name(const std::string& name);  // throws std::invalid_argument

}  // namespace iph
