import AgentLink
import Testing

@testable import AgentRuntime

@Suite("Metrics")
struct MetricsTests {
    @Test("processor time between two looks")
    func cpu() throws {
        let first = try #require(CPUTimes(stat: "cpu  100 0 100 700 100 0 0 0 50 0\ncpu0 1 2 3 4\nbtime 1700000000\n"))
        let second = try #require(CPUTimes(stat: "cpu  150 0 150 750 150 0 0 0 60 0\n"))
        #expect(second.percent(since: first) == 50)
        #expect(first.percent(since: second) == 0)
        #expect(CPUTimes.bootTime(stat: "cpu  1 2 3 4\nbtime 1700000000\n") == 1_700_000_000)
        #expect(CPUTimes(stat: "nonsense") == nil)
    }

    @Test("memory, with and without MemAvailable")
    func memory() {
        let new = MemoryInfo(
            meminfo: "MemTotal: 1000 kB\nMemFree: 100 kB\nMemAvailable: 600 kB\nSwapTotal: 50 kB\nSwapFree: 20 kB\n")
        #expect(new.total == 1_024_000)
        #expect(new.used == 400 * 1024)
        #expect(new.swapUsed == 30 * 1024)
        let old = MemoryInfo(meminfo: "MemTotal: 1000 kB\nMemFree: 100 kB\nBuffers: 50 kB\nCached: 50 kB\n")
        #expect(old.used == 800 * 1024)
        #expect(MemoryInfo(meminfo: "").total == 0)
    }

    static let netDev = """
        Inter-|   Receive                                                |  Transmit
         face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
            lo:  10       1    0    0    0     0          0         0       10       1    0    0    0     0       0          0
          eth0: 1000      5    0    0    0     0          0         0     2000       6    0    0    0     0       0          0
        docker0: 77       5    0    0    0     0          0         0       77       6    0    0    0     0       0          0
        br-12ab:5 1 0 0 0 0 0 0 6 1 0 0 0 0 0 0
          eth1: 1 5 0 0 0 0 0 0 2 6 0 0 0 0 0 0
        """

    @Test("only real interfaces count, or only the allowed ones")
    func network() {
        let all = NetworkCounters(netDev: Self.netDev, allowlist: [:])
        #expect(all.received == 1001)
        #expect(all.sent == 2002)
        let some = NetworkCounters(netDev: Self.netDev, allowlist: ["docker0": true, "eth1": false])
        #expect(some.received == 77)
        let speed = all.speed(since: some, seconds: 2)
        #expect(speed.received == 462)
        #expect(speed.sent == 962)
        #expect(some.speed(since: all, seconds: 2).received == 0)
    }

    @Test("sockets of both families")
    func sockets() {
        let counts = SocketCounts(
            sockstat:
                "sockets: used 300\nTCP: inuse 10 orphan 0 tw 5 alloc 12 mem 1\nUDP: inuse 3 mem 2\nUDPLITE: inuse 0\n",
            sockstat6: "TCP6: inuse 4\nUDP6: inuse 2\nUDPLITE6: inuse 0\nRAW6: inuse 9\n")
        #expect(counts.tcp == 19)
        #expect(counts.udp == 5)
    }

    @Test("each device counts once")
    func mounts() {
        let text = """
            /dev/sda1 / ext4 rw 0 0
            proc /proc proc rw 0 0
            /dev/sda1 /bind ext4 rw 0 0
            /dev/sdb1 /with\\040blank xfs rw 0 0
            pool/a /a zfs rw 0 0
            pool/b /b zfs rw 0 0
            tmpfs /run tmpfs rw 0 0
            """
        #expect(MountPoints.disks(mounts: text) == ["/", "/with blank", "/a"])
        // A mark that joins with the blank before it hides no column, and two names that look alike are two.
        let marks = "/dev/e \u{301}mount ext4 rw 0 0\n/dev/\u{E9} /x xfs rw 0 0\n/dev/e\u{301} /y xfs rw 0 0\n"
        #expect(MountPoints.disks(mounts: marks) == ["\u{301}mount", "/x", "/y"])
    }

    @Test("distribution and processors")
    func host() {
        let debian = OperatingSystem(osRelease: "ID=debian\nVERSION_ID=\"12\"\n", debianVersion: "12.11\n")
        #expect(debian.platform == "debian")
        #expect(debian.version == "12.11")
        let sid = OperatingSystem(osRelease: "ID=debian\n", debianVersion: "trixie/sid\n")
        #expect(sid.version.isEmpty)
        let cpus = Processors(
            cpuinfo:
                "processor\t: 0\nmodel name\t: Foo CPU\nflags\t: fpu hypervisor\nprocessor\t: 1\nmodel name\t: Foo CPU\n",
            architecture: "x86_64")
        #expect(cpus.isVirtual)
        #expect(cpus.descriptions(isGuest: true) == ["Foo CPU 2 Virtual Core"])
        let arm = Processors(cpuinfo: "processor\t: 0\nFeatures\t: fp\nprocessor\t: 1\n", architecture: "aarch64")
        #expect(arm.descriptions(isGuest: false) == ["aarch64 2 Physical Core"])
    }

    @Test(
        "virtualization by its signs",
        arguments: [
            (["/.dockerenv": ""], "docker"),
            (["/proc/1/environ": "A=1\0container=lxc\0"], "lxc"),
            (["/sys/class/dmi/id/sys_vendor": "QEMU\n"], "kvm"),
            (["/sys/class/dmi/id/product_name": "VMware Virtual Platform\n"], "vmware"),
            (["/sys/class/dmi/id/product_name": "Virtual Machine\n"], "hyperv"),
            (["/proc/vz/version": ""], "openvz"),
            (["/sys/hypervisor/type": "xen\n"], "xen"),
            ([:], ""),
        ])
    func virtualization(files: [String: String], name: String) {
        #expect(Virtualization.detect(FakeReader(files: files), isVirtualProcessor: false) == name)
    }

    @Test("temperatures from hwmon, else from thermal zones")
    func temperatures() {
        let hwmon = FakeReader(files: [
            "/sys/class/hwmon/hwmon0/name": "coretemp\n", "/sys/class/hwmon/hwmon0/temp1_input": "45500\n",
            "/sys/class/hwmon/hwmon0/temp1_label": "Core 0\n", "/sys/class/hwmon/hwmon0/temp2_input": "0\n",
            "/sys/class/thermal/thermal_zone0/temp": "99000\n",
        ])
        #expect(Sensors.temperatures(hwmon) == [.init(name: "coretemp_core_0", celsius: 45.5)])
        let zone = FakeReader(files: [
            "/sys/class/thermal/thermal_zone0/temp": "51000\n", "/sys/class/thermal/thermal_zone0/type": "acpitz\n",
        ])
        #expect(Sensors.temperatures(zone) == [.init(name: "acpitz", celsius: 51)])
    }

    @Test("speeds and percent need two measurements; switches leave things out")
    func collector() {
        var files = [
            "/proc/stat": "cpu  100 0 100 800\n", "/proc/net/dev": Self.netDev, "/proc/loadavg": "0.5 0.25 0.1 1/2 3\n",
            "/proc/uptime": "100.5 1\n", "/proc/1/x": "", "/proc/2/x": "",
            "/proc/self/mounts": "overlay / overlay rw 0 0\n",
            "/proc/net/sockstat": "TCP: inuse 1 tw 0\n",
        ]
        var configuration = AgentConfiguration()
        configuration.skipConnectionCount = true
        let collector = MetricsCollector(
            reader: FakeReader(files: files, disks: ["/": DiskSpace(total: 10, used: 4)]))
        let state = collector.state(configuration)
        #expect(state.cpu == 0)
        #expect(state.netInSpeed == 0)
        #expect(state.netInTransfer == 1001)
        #expect(state.diskUsed == 4)
        #expect(state.uptime == 100)
        #expect(state.load1 == 0.5)
        #expect(state.processCount == 2)
        #expect(state.tcpConnCount == 0)
        files["/proc/stat"] = nil
        #expect(MetricsCollector(reader: FakeReader(files: files)).state(configuration).cpu == 0)
    }

    @Test("this machine has a name, memory and a version that dashboards accept")
    func realMachine() {
        let host = MetricsCollector().host(AgentConfiguration())
        #expect(!host.platform.isEmpty)
        #expect(host.memTotal > 0)
        #expect(host.bootTime > 0)
        #expect(!host.cpu.isEmpty)
        #expect(host.diskTotal > 0)
        #expect(
            host.version.split(separator: ".").compactMap { Int($0) }.lexicographicallyPrecedes([2, 1, 0]) == false)
    }
}
