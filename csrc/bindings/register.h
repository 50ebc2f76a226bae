// One function for each folder of csrc that Python sees.
#pragma once
#include <pybind11/pybind11.h>

namespace iph {
void register_polynomial(pybind11::module_& m);
void register_matte(pybind11::module_& m);
}  // namespace iph
