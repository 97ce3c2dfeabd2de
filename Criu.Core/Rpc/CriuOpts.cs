using Google.Protobuf;

namespace Criu.Core.Rpc.Proto;

internal sealed partial class CriuOpts
{
    /// <summary>Number of a field that rpc.proto has not; null where there is none. The parser keeps such fields, and shows them only by writing them.</summary>
    public int? FirstUnknownField()
    {
        if (_unknownFields == null || _unknownFields.CalculateSize() == 0)
            return null;
        byte[] bytes = new byte[_unknownFields.CalculateSize()];
        var output = new CodedOutputStream(bytes);
        _unknownFields.WriteTo(output);
        output.Flush();
        return WireFormat.GetTagFieldNumber(new CodedInputStream(bytes).ReadTag());
    }
}
