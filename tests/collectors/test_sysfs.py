from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from collectors.sysfs import Measured, read_hardware

GOLDEN = Path(__file__).parent / "golden"

EXPECTED = {
    "raspberry_pi": [
        Measured("hw.temperature", "Cel", 61.835, "cpu-thermal"),
        Measured("hw.status", "1", 1.0, "rpi_volt in0_lcrit", "failed"),
        Measured("system.cpu.frequency", "Hz", 1_050_000_000.0),
        Measured("system.cpu.frequency.ratio", "1", 0.4),
        Measured("hw.status", "1", 1.0, "under-voltage", "failed"),
        Measured("system.cpu.throttled", "1", 1.0),
    ],
    "jetson": [
        Measured("hw.temperature", "Cel", 48.5, "CPU-therm"),
        Measured("hw.temperature", "Cel", 46.0, "GPU-therm"),
        Measured("hw.voltage", "V", 5.072, "ina3221 VDD_IN"),
        Measured("hw.power", "W", 5.072 * 1.5, "ina3221 VDD_IN"),
        Measured("hw.status", "1", 0.0, "ina3221 curr1_crit", "failed"),
        Measured("hw.fan.speed", "rpm", 2870.0, "pwmfan fan1"),
        Measured("hw.gpu.utilization", "1", 0.753, "gpu"),
    ],
    "pc": [
        Measured("hw.temperature", "Cel", 27.8, "acpitz"),
        Measured("hw.temperature", "Cel", 29.8, "acpitz 1"),
        Measured("hw.temperature", "Cel", 71.0, "coretemp Package id 0"),
        Measured("hw.temperature", "Cel", 69.0, "coretemp Core 0"),
        Measured("hw.status", "1", 0.0, "coretemp temp1_crit", "failed"),
        Measured("hw.power", "W", 35.5, "amdgpu power1"),
        Measured("system.cpu.frequency", "Hz", 3_000_000_000.0),
        Measured("system.cpu.frequency.ratio", "1", 0.75),
        Measured("system.cpu.throttle.count", "{event}", 17.0),
    ],
}


@pytest.mark.parametrize("machine", EXPECTED)
def test_a_machine_as_its_kernel_shows_it(machine: str) -> None:
    """Sensors are read in their units; a chip that mirrors a zone, a bad value and an empty file are left out."""
    assert list(read_hardware(GOLDEN / machine)) == EXPECTED[machine]


def test_a_machine_without_sensors(tmp_path: Path) -> None:
    """Nothing there is no readings, and no failure."""
    assert list(read_hardware(tmp_path)) == []


def test_a_sensor_that_vanishes_has_no_reading(tmp_path: Path) -> None:
    """A sensor that is taken away is absent, and never 0."""
    root = shutil.copytree(GOLDEN / "jetson", tmp_path / "jetson")
    (root / "sys/class/thermal/thermal_zone0/temp").unlink()
    names = [measured.sensor for measured in read_hardware(root) if measured.name == "hw.temperature"]
    assert names == ["GPU-therm"]
