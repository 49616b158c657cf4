import Testing

@testable import AgentLink

@Suite("Traffic meter")
struct TrafficMeterTests {
    @Test("the first state is the baseline, later ones count their growth")
    func baseline() {
        var meter = TrafficMeter()
        meter.host(bootTime: 100)
        #expect(meter.state(bytesIn: 1000, bytesOut: 0) == TrafficGrowth())
        #expect(meter.state(bytesIn: 1500, bytesOut: 7) == TrafficGrowth(bytesIn: 500, bytesOut: 7))
        #expect(meter.state(bytesIn: 1500, bytesOut: 7) == TrafficGrowth())
    }

    @Test("after a reboot all that the new counters say is growth")
    func reboot() {
        var meter = TrafficMeter()
        meter.host(bootTime: 100)
        _ = meter.state(bytesIn: 1000, bytesOut: 1000)
        meter.host(bootTime: 500)
        #expect(meter.state(bytesIn: 30, bytesOut: 2000) == TrafficGrowth(bytesIn: 30, bytesOut: 2000))
    }

    @Test("a boot time that jitters is no reboot, in either direction")
    func jitter() {
        var meter = TrafficMeter()
        meter.host(bootTime: 100)
        _ = meter.state(bytesIn: 1000, bytesOut: 1000)
        meter.host(bootTime: 101)
        #expect(meter.state(bytesIn: 1001, bytesOut: 1000) == TrafficGrowth(bytesIn: 1, bytesOut: 0))
        meter.host(bootTime: 99)
        #expect(meter.state(bytesIn: 1002, bytesOut: 1000) == TrafficGrowth(bytesIn: 1, bytesOut: 0))
    }

    @Test("counters that fall without a reboot begin anew and count nothing twice")
    func interfacesChanged() {
        var meter = TrafficMeter()
        meter.host(bootTime: 100)
        _ = meter.state(bytesIn: 1000, bytesOut: 1000)
        meter.host(bootTime: 100)
        #expect(meter.state(bytesIn: 10, bytesOut: 1005) == TrafficGrowth(bytesIn: 0, bytesOut: 5))
        #expect(meter.state(bytesIn: 15, bytesOut: 1005) == TrafficGrowth(bytesIn: 5, bytesOut: 0))
    }
}
