/// In what this system runs: the name of a hypervisor or of a kind of container; empty on bare metal.
enum Virtualization {
    static func detect(_ reader: some SystemReader, isVirtualProcessor: Bool) -> String {
        container(reader) ?? hypervisor(reader) ?? (isVirtualProcessor ? "kvm" : "")
    }

    private static func container(_ reader: some SystemReader) -> String? {
        if reader.text("/.dockerenv") != nil { return "docker" }
        if reader.text("/run/.containerenv") != nil { return "podman" }
        let environment = reader.text("/proc/1/environ") ?? ""
        for entry in environment[...].pieces(by: 0) {
            guard let name = entry.after("container=") else { continue }
            return name.isEmpty ? "container" : String(name)
        }
        let groups = reader.text("/proc/1/cgroup") ?? ""
        for name in ["docker", "lxc", "kubepods", "machine.slice"] where groups.contains("/" + name) {
            return name == "kubepods" || name == "machine.slice" ? "container" : name
        }
        // OpenVZ shows its folder to guests too, the host's part to the host alone.
        if !reader.names(in: "/proc/vz").isEmpty, reader.names(in: "/proc/bc").isEmpty { return "openvz" }
        return nil
    }

    /// What board and BIOS call themselves, and how the thing is called.
    private static let signs: [(sign: String, name: String)] = [
        ("kvm", "kvm"), ("qemu", "kvm"), ("openstack", "kvm"), ("amazon ec2", "kvm"), ("google compute", "kvm"),
        ("vmware", "vmware"), ("virtualbox", "vbox"), ("innotek", "vbox"), ("xen", "xen"), ("bochs", "kvm"),
        ("parallels", "parallels"), ("virtual machine", "hyperv"), ("apple virtualization", "apple"),
        ("firecracker", "firecracker"), ("cloud-hypervisor", "kvm"), ("alibaba cloud", "kvm"), ("digitalocean", "kvm"),
    ]

    private static func hypervisor(_ reader: some SystemReader) -> String? {
        if let type = reader.text("/sys/hypervisor/type")?.words.first {
            return String(type)
        }
        let board = ["product_name", "sys_vendor", "board_vendor", "bios_vendor"]
            .compactMap { reader.text("/sys/class/dmi/id/" + $0)?.lowercased() }
        for (sign, name) in signs where board.contains(where: { $0.contains(sign) }) {
            return name
        }
        return nil
    }
}
