import CNezhaProto

extension IOStreamFrame {
    /// Reads every form that protobuf allows; the usual one needs no library (``IOStreamFrame``).
    static func unusual(_ bytes: [UInt8]) throws(ProtobufError) -> IOStreamFrame {
        unsafe try Protobuf.read(bytes, proto__iostream_data__unpack) { message throws(ProtobufError) in
            let data = unsafe message.pointee.data
            return IOStreamFrame(unsafe Array(UnsafeBufferPointer(start: data.data, count: data.len)))
        }
    }
}
