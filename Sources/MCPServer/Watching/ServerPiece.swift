import AgentLink
import JSON
import Storage

import struct FoundationEssentials.Date

/// One server as the public pages get it (`rest-details.md` 4, StreamServer): the JSON of each part, written once and put
/// together for whoever watches. Never a UUID, an address, a private note or an owner.
struct ServerPiece: Sendable {
    let server: ServerRecord
    /// `{"id":…` up to the host.
    private let head: [UInt8]
    private let host: ServerHostPiece
    /// From behind the host up to the end, without the closing brace.
    private let tail: [UInt8]

    init(_ server: ServerRecord, _ presence: AgentPresence?, host: ServerHostPiece) {
        self.server = server
        self.host = host
        var head = StreamJSON()
        head.open()
        head.member("id", server.id)
        head.member("name", unlessEmpty: server.name)
        if server.displayIndex != 0 { head.member("display_index", server.displayIndex) }
        self.head = head.bytes
        var tail = StreamJSON()
        tail.continues()
        tail.name("state")
        tail.write(presence?.state ?? HostState())
        tail.member("country_code", unlessEmpty: presence?.geoIP?.countryCode ?? "")
        tail.name("last_active")
        tail.quote(Timestamp(orNever: presence?.lastActive).text)
        self.tail = tail.bytes
    }

    /// - Parameters:
    ///   - isFull: with the versions of system and agent, which are for owner and administrators.
    ///   - hasNote: with the public note, as in a watcher's first message.
    func append(to bytes: inout [UInt8], isFull: Bool, hasNote: Bool) {
        bytes += head
        bytes += isFull ? host.full : host.limited
        bytes += tail
        if hasNote, !server.publicNote.isEmpty {
            var note = StreamJSON()
            note.continues()
            note.member("public_note", unlessEmpty: server.publicNote)
            bytes += note.bytes
        }
        bytes.append(UInt8(ascii: "}"))
    }
}

/// The host of a server, which seldom changes: `,"host":{…}` for both kinds of viewers.
struct ServerHostPiece: Sendable {
    let info: HostInfo
    let full: [UInt8]
    let limited: [UInt8]

    init(_ info: HostInfo) {
        self.info = info
        full = Self.member(info)
        var bare = info
        bare.platformVersion = ""
        bare.version = ""
        limited = Self.member(bare)
    }

    private static func member(_ info: HostInfo) -> [UInt8] {
        var json = StreamJSON()
        json.continues()
        json.name("host")
        json.open()
        json.member("platform", unlessEmpty: info.platform)
        json.member("platform_version", unlessEmpty: info.platformVersion)
        json.member("cpu", unlessEmpty: info.cpu)
        json.member("mem_total", unlessZero: info.memTotal)
        json.member("disk_total", unlessZero: info.diskTotal)
        json.member("swap_total", unlessZero: info.swapTotal)
        json.member("arch", unlessEmpty: info.arch)
        json.member("virtualization", unlessEmpty: info.virtualization)
        json.member("boot_time", unlessZero: info.bootTime)
        json.member("version", unlessEmpty: info.version)
        json.member("gpu", unlessEmpty: info.gpu)
        json.close()
        return json.bytes
    }
}

/// Writes the JSON of the stream: what `Codable` makes of the same values, but a thousand of them in a few milliseconds.
struct StreamJSON {
    private(set) var bytes: [UInt8] = []
    private var isFirst = true

    init() { bytes.reserveCapacity(640) }

    mutating func open() {
        bytes.append(UInt8(ascii: "{"))
        isFirst = true
    }

    mutating func close() {
        bytes.append(UInt8(ascii: "}"))
        isFirst = false
    }

    /// What comes follows other members.
    mutating func continues() { isFirst = false }

    mutating func name(_ name: StaticString) {
        if !isFirst { bytes.append(UInt8(ascii: ",")) }
        isFirst = false
        bytes.append(UInt8(ascii: "\""))
        name.withUTF8Buffer { unsafe bytes.append(contentsOf: $0) }
        bytes.append(UInt8(ascii: "\""))
        bytes.append(UInt8(ascii: ":"))
    }

    mutating func member(_ name: StaticString, _ value: Int64) {
        self.name(name)
        if value < 0 { bytes.append(UInt8(ascii: "-")) }
        digits(value.magnitude)
    }

    mutating func member(_ name: StaticString, unlessZero value: UInt64) {
        guard value != 0 else { return }
        self.name(name)
        digits(value)
    }

    mutating func member(_ name: StaticString, unlessZero value: Double) {
        guard value != 0 else { return }
        self.name(name)
        number(value)
    }

    mutating func member(_ name: StaticString, unlessEmpty text: String) {
        guard !text.isEmpty else { return }
        self.name(name)
        quote(text)
    }

    mutating func member(_ name: StaticString, unlessEmpty texts: [String]) {
        guard !texts.isEmpty else { return }
        self.name(name)
        list(texts) { $0.quote($1) }
    }

    mutating func quote(_ text: String) { bytes += JSONValue.string(text).serialized() }

    mutating func write(_ state: HostState) {
        open()
        member("cpu", unlessZero: state.cpu)
        member("mem_used", unlessZero: state.memUsed)
        member("swap_used", unlessZero: state.swapUsed)
        member("disk_used", unlessZero: state.diskUsed)
        member("net_in_transfer", unlessZero: state.netInTransfer)
        member("net_out_transfer", unlessZero: state.netOutTransfer)
        member("net_in_speed", unlessZero: state.netInSpeed)
        member("net_out_speed", unlessZero: state.netOutSpeed)
        member("uptime", unlessZero: state.uptime)
        member("load_1", unlessZero: state.load1)
        member("load_5", unlessZero: state.load5)
        member("load_15", unlessZero: state.load15)
        member("tcp_conn_count", unlessZero: state.tcpConnCount)
        member("udp_conn_count", unlessZero: state.udpConnCount)
        member("process_count", unlessZero: state.processCount)
        if !state.temperatures.isEmpty {
            name("temperatures")
            list(state.temperatures) { json, sensor in
                json.open()
                json.name("Name")
                json.quote(sensor.name)
                json.name("Temperature")
                json.number(sensor.celsius)
                json.close()
            }
        }
        if !state.gpu.isEmpty {
            name("gpu")
            list(state.gpu) { $0.number($1) }
        }
        close()
    }

    private mutating func list<Element>(_ elements: [Element], _ write: (inout Self, Element) -> Void) {
        bytes.append(UInt8(ascii: "["))
        for (place, element) in elements.enumerated() {
            if place > 0 { bytes.append(UInt8(ascii: ",")) }
            write(&self, element)
        }
        bytes.append(UInt8(ascii: "]"))
    }

    /// - Parameter value: finite, as every number of a report is.
    private mutating func number(_ value: Double) {
        if let whole = Int64(exactly: value) {
            if whole < 0 { bytes.append(UInt8(ascii: "-")) }
            return digits(whole.magnitude)
        }
        bytes.append(contentsOf: value.description.utf8)
    }

    private mutating func digits(_ value: UInt64) { bytes.append(contentsOf: String(value).utf8) }
}
