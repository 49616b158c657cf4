/// The JSON form of a host report (`rest.md` 4, `mcp.md` 4.4): empty and zero values are left out.
extension HostInfo: Codable {
    private enum CodingKeys: String, CodingKey {
        case platform
        case platformVersion = "platform_version"
        case cpu
        case memTotal = "mem_total"
        case diskTotal = "disk_total"
        case swapTotal = "swap_total"
        case arch
        case virtualization
        case bootTime = "boot_time"
        case version
        case gpu
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            platform: try values.decode(.platform, or: ""),
            platformVersion: try values.decode(.platformVersion, or: ""),
            cpu: try values.decode(.cpu, or: []),
            memTotal: try values.decode(.memTotal, or: 0),
            diskTotal: try values.decode(.diskTotal, or: 0),
            swapTotal: try values.decode(.swapTotal, or: 0),
            arch: try values.decode(.arch, or: ""),
            virtualization: try values.decode(.virtualization, or: ""),
            bootTime: try values.decode(.bootTime, or: 0),
            version: try values.decode(.version, or: ""),
            gpu: try values.decode(.gpu, or: []))
    }

    package func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(platform, .platform, unless: "")
        try values.encode(platformVersion, .platformVersion, unless: "")
        try values.encode(cpu, .cpu, unless: [])
        try values.encode(memTotal, .memTotal, unless: 0)
        try values.encode(diskTotal, .diskTotal, unless: 0)
        try values.encode(swapTotal, .swapTotal, unless: 0)
        try values.encode(arch, .arch, unless: "")
        try values.encode(virtualization, .virtualization, unless: "")
        try values.encode(bootTime, .bootTime, unless: 0)
        try values.encode(version, .version, unless: "")
        try values.encode(gpu, .gpu, unless: [])
    }
}
