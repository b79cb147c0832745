import com.pixelmed.dicom.AttributeList;
import com.pixelmed.display.ConsumerFormatImageMaker;
import com.pixelmed.display.SourceImage;
import java.awt.image.BufferedImage;
import java.io.BufferedReader;
import java.io.File;
import java.io.InputStreamReader;
import javax.imageio.ImageIO;

/** Draws one frame of each file that standard input names: "file, tab, frame from 0, tab, PNG to write". */
public class PixelMed {
    public static void main(String[] arguments) throws Exception {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] fields = line.split("\t");
            try {
                AttributeList dataset = new AttributeList();
                dataset.read(new File(fields[0]));
                SourceImage source = new SourceImage(dataset);
                BufferedImage frame = ConsumerFormatImageMaker.makeEightBitFrame(source, Integer.parseInt(fields[1]));
                ImageIO.write(frame, "png", new File(fields[2]));
            } catch (Throwable refused) {
                System.err.println(fields[0] + ": " + refused);
            }
        }
    }
}
